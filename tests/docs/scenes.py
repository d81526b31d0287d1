"""Two synthetic photographs, free of copyright, as input for the augmentations."""

import numpy as np

SIDE = 224


def harbor() -> np.ndarray:
    """Returns a sailing boat in front of the sun, uint8 [224, 224, 3]."""
    row, column = _coordinates()
    image = _blend((104, 163, 219), (250, 214, 165), row / 150)
    image = np.where(_disk(row, column, 88, 168, 22), (255, 236, 150), image)
    sea = _blend((38, 110, 160), (12, 52, 92), (row - 140) / 84)
    waves = 14 * np.sin(column / 5 + 3 * np.sin(row / 4))[..., None] * (row[..., None] % 9 < 2)
    image = np.where((row >= 140)[..., None], sea + waves, image)
    mast = (abs(column - 92) <= 1) & (row > 40) & (row < 156)
    sail = (column > 95) & (row > 46) & (row < 140) & (column - 95 < (row - 46) * 0.72)
    jib = (column < 89) & (row > 62) & (row < 140) & (89 - column < (row - 62) * 0.5)
    hull = (row >= 148) & (row < 172) & (abs(column - 98) < 64 - (row - 148) * 0.9)
    for shape, color in (
        (mast, (88, 60, 40)),
        (sail, (246, 246, 240)),
        (jib, (214, 62, 48)),
        (hull, (122, 40, 36)),
    ):
        image = np.where(shape[..., None], color, image)
    return _pixels(image)


def meadow() -> np.ndarray:
    """Returns a flower in front of hills, uint8 [224, 224, 3]."""
    row, column = _coordinates()
    image = _blend((150, 205, 240), (226, 240, 246), row / 120)
    hills = row > 96 + 14 * np.sin(column / 31) + 8 * np.sin(column / 13 + 1)
    image = np.where(
        hills[..., None], _blend((120, 168, 84), (58, 116, 52), (row - 96) / 128), image
    )
    stem = (abs(column - 112 - 5 * np.sin(row / 22)) < 4) & (row > 100)
    leaf = ((column - 142) / 34) ** 2 + ((row - 172 + (column - 142) * 0.4) / 11) ** 2 < 1
    image = np.where((stem | leaf)[..., None], (38, 92, 44), image)
    angle, radius = np.arctan2(row - 84, column - 112), np.hypot(row - 84, column - 112)
    petals = radius < 44 + 18 * np.cos(7 * angle)
    image = np.where(petals[..., None], _blend((240, 90, 150), (196, 36, 110), radius / 62), image)
    image = np.where(_disk(row, column, 84, 112, 20), (250, 200, 60), image)
    return _pixels(image)


def _coordinates() -> tuple[np.ndarray, np.ndarray]:
    row, column = np.mgrid[:SIDE, :SIDE]
    return row.astype(float), column.astype(float)


def _blend(first: tuple[int, ...], last: tuple[int, ...], fraction: np.ndarray) -> np.ndarray:
    fraction = np.clip(fraction, 0, 1)[..., None]
    return (1 - fraction) * np.array(first) + fraction * np.array(last)


def _disk(row: np.ndarray, column: np.ndarray, top: int, left: int, radius: int) -> np.ndarray:
    return (np.hypot(row - top, column - left) < radius)[..., None]


def _pixels(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255).round().astype(np.uint8)
