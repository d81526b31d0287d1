"""Rotation, shear and translation of batches, as in Pillow's affine transform.

Pillow maps output pixels to the input: the output pixel (x, y) has its center at
(x + 1/2, y + 1/2), and the inverse map gives the position in the input. Positions outside the image get
the fill color; inside, neighboring pixels are interpolated, with edge pixels repeated beyond the
edge. Results are truncated, not rounded.

Pillow computes positions in double precision. Here a position is an int32 number of 2**-17 pixels plus
a float32 remainder: single precision alone has too few digits for a large image, and a position exactly
on a pixel would fall on the previous one.
"""

import functools
import math
from typing import Any

import numpy as np

UNIT = 1 << 17
"""Fixed-point units per pixel; images may have up to 4096 pixels per side."""
_HALF = UNIT // 2

MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def move(
    ops: Any,
    images: Any,
    moves: dict[str, Any],
    *,
    fill: tuple[int, int, int],
    cubic: Any = None,
    nearest: bool = False,
) -> Any:
    """Applies a rotation, shear or translation to each image.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        moves: Amounts by name (see `MOVES`): degrees counter-clockwise, pixels per row or column, and
            pixels; float32 [n]. At most one of them may be nonzero for an image. Positive shears and
            translations move an image to the left or up.
        fill: Color of pixels from outside the image, three values 0..255.
        cubic: Whether to interpolate bicubically, bool [n]; None means bilinear for all images.
        nearest: Whether to take the nearest pixel instead of interpolating.

    Returns:
        int32 [n, height, width, 3].
    """
    _, height, width, _ = ops.shape(images)
    rows, columns = (ops.numpy.arange(count, dtype="int32") for count in (height, width))
    (x, rest_x), (y, rest_y) = positions(ops, rows, columns, (height, width), moves, nearest)
    inside = (x >= 0) & (x < width * UNIT) & (y >= 0) & (y < height * UNIT)
    pick = _picker(ops, images)
    if nearest:
        levels = pick(_pixel(ops, y), _pixel(ops, x))
    else:
        y, x = (y - _HALF, rest_y), (x - _HALF, rest_x)
        levels = _interpolated(ops, pick, y, x, cubic)
    fill = ops.convert_to_tensor(fill, "int32")
    return ops.numpy.where(inside[..., None], levels, fill)


def positions(
    ops: Any, rows: Any, columns: Any, size: tuple[Any, Any], moves: dict[str, Any], nearest: bool
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Returns the input positions of output pixels.

    Args:
        ops: Namespace of a Keras backend.
        rows: Rows of the output, int32 [height].
        columns: Columns of the output, int32 [width].
        size: Height and width of the images.
        moves: As for `move`.
        nearest: Whether to round as Pillow does without interpolation: the first position and both
            steps to 2**-16 pixels, so that errors accumulate.

    Returns:
        Horizontal and vertical positions, each as a pair: an integer number of `UNIT` per pixel, int32
        [n, height, width], and a remainder 0..1, float32 (unused with `nearest`).
    """
    degrees = moves["rotate"]
    cosine, sine = _cosine_and_sine(ops, degrees)
    shear_x, shear_y, left, up = (
        _split(ops, moves[name] * scale)
        for name, scale in zip(MOVES[1:], (_HALF, _HALF, 1.0, 1.0), strict=True)
    )
    turned = ops.cast(degrees != 0, "int32")[:, None, None]
    middle = [turned * length for length in size]
    # Twice the distance from the center, or from the corner, is an integer.
    y = 2 * rows[None, :, None] + 1 - middle[0]
    x = 2 * columns[None, None, :] + 1 - middle[1]

    def along(by_x: Any, by_y: Any, offset: Any, origin: Any) -> tuple[Any, Any]:
        (of_x, of_y, pixels), (rest_x, rest_y, rest) = (
            [part[:, None, None] for part in parts]
            for parts in zip(by_x, by_y, offset, strict=True)
        )
        whole = origin * _HALF + of_x * x + of_y * y + pixels * UNIT
        at_x, at_y = (x[..., :1], y[:, :1]) if nearest else (x, y)
        rest_x = _rounded(ops, rest_x * _float(ops, at_x))
        rest_y = _rounded(ops, rest_y * _float(ops, at_y))
        rest = rest_x + rest_y + rest * UNIT
        steps = ops.numpy.floor(rest)
        moved = whole + ops.cast(steps, "int32")
        if nearest:
            first = 2 * ops.numpy.right_shift(moved[:, :1, :1] + 1, 1)
            moved = first + whole - whole[:, :1, :1]
        return moved, rest - steps

    across = [shear - part for shear, part in zip(shear_x, sine, strict=True)]
    down = [shear + part for shear, part in zip(shear_y, sine, strict=True)]
    return along(cosine, across, left, middle[1]), along(down, cosine, up, middle[0])


def _cosine_and_sine(ops: Any, degrees: Any) -> tuple[Any, Any]:
    """Returns each as an integer number of 2**-16 and a remainder in that unit, int32 and float32 [n].

    In single precision alone, a rotation by 90 degrees would miss the pixels by a little.
    """
    halves = ops.numpy.floor(degrees * 2.0 + 0.5)
    angle = (degrees - halves * 0.5) * (math.pi / 180)
    # Cosine minus 1 and sine of an angle of at most a quarter of a degree.
    square = angle * angle
    less = -0.5 * square
    ahead = angle - _rounded(ops, square * angle * (1 / 6))
    index = ops.cast(halves, "int32") % 720
    (cosine, sine), rests = (
        [ops.numpy.take(ops.convert_to_tensor(table), index, axis=0) for table in tables]
        for tables in _circle()
    )
    near = [_float(ops, whole) + rest for whole, rest in zip((cosine, sine), rests, strict=True)]

    def turned(rest: Any, along: Any, across: Any) -> Any:
        return rest + _rounded(ops, along * less) + _rounded(ops, across * ahead)

    return (cosine, turned(rests[0], near[0], -near[1])), (sine, turned(rests[1], near[1], near[0]))


@functools.cache
def _circle() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns cosine and sine of every half degree in units of 2**-16: integers and remainders."""
    angles = np.radians(np.arange(720) / 2)
    exact = [np.round(function(angles), 15) * _HALF for function in (np.cos, np.sin)]
    wholes = [np.floor(part + 0.5) for part in exact]
    rests = [part - whole for part, whole in zip(exact, wholes, strict=True)]
    return [x.astype(np.int32) for x in wholes], [x.astype(np.float32) for x in rests]


def _split(ops: Any, number: Any) -> tuple[Any, Any]:
    """Returns the integer nearest to a float, and the remainder, -0.5..0.5."""
    number = _rounded(ops, number)
    whole = ops.numpy.floor(number + 0.5)
    return ops.cast(whole, "int32"), number - whole


def _rounded(ops: Any, product: Any) -> Any:
    """Forces the rounding of a product, by a limit that is never reached.

    XLA would fuse the product with a following sum into one operation with one rounding, for some uses
    and not for others, so that the row of a pixel and the distance from it would belong to different
    positions.
    """
    return ops.numpy.maximum(product, -1e9)


def _float(ops: Any, number: Any) -> Any:
    return ops.cast(number, "float32")


def _pixel(ops: Any, position: Any) -> Any:
    return ops.numpy.right_shift(position, 17)


def _picker(ops: Any, images: Any) -> Any:
    """Returns a function that reads the colors at rows and columns; edge pixels are repeated."""
    n, height, width, _ = ops.shape(images)
    red, green, blue = (images[..., k] for k in range(3))
    # Packed, so that one gather reads a whole pixel.
    packed = ops.numpy.reshape(red + green * 256 + blue * 65536, (-1,))
    first = ops.numpy.arange(n, dtype="int32")[:, None, None] * (height * width)
    shifts = ops.convert_to_tensor([0, 8, 16], "int32")

    def pick(rows: Any, columns: Any) -> Any:
        rows = ops.numpy.minimum(ops.numpy.maximum(rows, 0), height - 1)
        columns = ops.numpy.minimum(ops.numpy.maximum(columns, 0), width - 1)
        pixels = ops.numpy.take(packed, first + rows * width + columns, axis=0)
        return ops.numpy.bitwise_and(ops.numpy.right_shift(pixels[..., None], shifts), 255)

    return pick


def _interpolated(ops: Any, pick: Any, y: Any, x: Any, cubic: Any) -> Any:
    """Interpolates the colors at positions measured from the center of the first pixel."""
    row, column = (_pixel(ops, whole) for whole, _ in (y, x))
    down, right = (
        ((_float(ops, ops.numpy.bitwise_and(whole, UNIT - 1)) + rest) / UNIT)[..., None]
        for whole, rest in (y, x)
    )
    steps = (0, 1) if cubic is None else (-1, 0, 1, 2)
    lines = []
    for step in steps:
        near = [ops.cast(pick(row + step, column + k), "float32") for k in steps]
        lines.append(_between(ops, near, right, cubic))
    levels = ops.numpy.clip(_between(ops, lines, down, cubic), 0.0, 255.0)
    return ops.cast(levels, "int32")


def _between(ops: Any, near: list[Any], distance: Any, cubic: Any) -> Any:
    # Pillow's cubic has a = -1. Results are truncated, so a flat neighborhood must come out exactly.
    if cubic is None:
        left, right = near
        return left + distance * (right - left)
    before, left, right, after = near
    third = (left - before) + (after - right)
    second = (before - left) - third
    slope = (right - before) + distance * (second + distance * third)
    slope = ops.numpy.where(cubic[:, None, None, None], slope, right - left)
    return left + distance * slope
