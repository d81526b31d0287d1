"""Crop boxes, padded crops, flips and fill colors."""

import math

import numpy as np

from keras_resnet_recipes.augment.kernels.compiled import kernel


@kernel
def first_that_fits(areas, aspects, position, height, width, narrowest, widest):
    """Returns the first of several candidate boxes that fits into an image, or the largest legal central box.

    Args:
        areas: Fractions of the image's area, float64 [tries].
        aspects: Ratios of width to height, float64 [tries].
        position: Top and left as fractions of the possible positions, float64 [2].
        height: Height of the image.
        width: Width of the image.
        narrowest: Smallest legal aspect ratio.
        widest: Largest legal aspect ratio.

    Returns:
        Top, left, height and width.

    References:
        timm `data/transforms.py`, RandomResizedCropAndInterpolation.
    """
    for t in range(areas.shape[0]):
        area = areas[t] * (height * width)
        columns = np.rint(math.sqrt(area * aspects[t]))
        rows = np.rint(math.sqrt(area / aspects[t]))
        if 1 <= rows <= height and 1 <= columns <= width:
            top = int(position[0] * (height - rows + 1))
            left = int(position[1] * (width - columns + 1))
            return top, left, int(rows), int(columns)
    rows = min(height, max(int(np.rint(width / narrowest)), 1))
    columns = min(width, max(int(np.rint(height * widest)), 1))
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def padded_crop(
    pixels: np.ndarray, top: int, left: int, padding: int, fill: int | None
) -> np.ndarray:
    """Pads an image and crops it to its original size.

    Args:
        pixels: Packed, uint32 [height, width].
        top: Top of the crop in the padded image.
        left: Left of the crop in the padded image.
        padding: Pixels added on each side.
        fill: Packed color of the padding; None pads by reflection, without repeating the edge.

    Returns:
        Packed pixels of the same shape.
    """
    result = np.empty_like(pixels)
    _padded_crop(pixels, top - padding, left - padding, fill is None, np.uint32(fill or 0), result)
    return result


@kernel
def _padded_crop(pixels, top, left, mirrored, fill, result):
    height, width = pixels.shape
    for y in range(height):
        row = top + y
        if mirrored:
            row = height - 1 - abs(height - 1 - abs(row))
        for x in range(width):
            column = left + x
            if mirrored:
                column = width - 1 - abs(width - 1 - abs(column))
            inside = 0 <= row < height and 0 <= column < width
            result[y, x] = pixels[row, column] if inside else fill


@kernel
def mirror(pixels):
    """Flips an image left to right, in place."""
    height, width = pixels.shape
    for y in range(height):
        row = pixels[y]
        for x in range(width // 2):
            row[x], row[width - 1 - x] = row[width - 1 - x], row[x]


def packed_color(color) -> int:
    """Returns a color 0..255, one number or three, as a packed pixel, rounded half to even.

    Example:
        >>> hex(packed_color((1, 2.5, 300)))
        '0xff0201'
    """
    levels = np.clip(np.rint(np.broadcast_to(color, 3)), 0, 255).astype(int).tolist()
    return levels[0] | levels[1] << 8 | levels[2] << 16
