"""Parts of images: where they lie, and what a window over an enlarged image shows."""

import math

import numpy as np

from keras_resnet_recipes.augment.kernels.compiled import kernel


@kernel
def first_that_fits(areas, aspects, position, height, width, narrowest, widest):
    """The first part of several tries that fits into an image, or the largest legal one in the middle.

    Args:
        areas: Fractions of the image's area, float64 [tries].
        aspects: Width to height, float64 [tries].
        position: Top and left as fractions of the positions there are, float64 [2].
        height: Of the image.
        width: Of the image.
        narrowest: Smallest legal aspect ratio.
        widest: Largest legal aspect ratio.

    Returns:
        Top, left, height and width.

    Source: timm `data/transforms.py`, RandomResizedCropAndInterpolation.
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
    """A window of an image's own size over the image, enlarged at all sides.

    Args:
        pixels: Packed, uint32 [height, width].
        top: Of the window, in the enlarged image.
        left: Likewise.
        padding: Pixels added at each side.
        fill: Their packed colour; None continues the image as its mirror image, without repeating the edge.

    Returns:
        Packed, of the same shape.
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
    """Mirrors an image left to right, in place."""
    height, width = pixels.shape
    for y in range(height):
        row = pixels[y]
        for x in range(width // 2):
            row[x], row[width - 1 - x] = row[width - 1 - x], row[x]


def packed_color(color) -> int:
    """A colour of 0..255, one number or three, rounded half to even, as a packed pixel.

    >>> hex(packed_color((1, 2.5, 300)))
    '0xff0201'
    """
    levels = np.clip(np.rint(np.broadcast_to(color, 3)), 0, 255).astype(int).tolist()
    return levels[0] | levels[1] << 8 | levels[2] << 16
