"""Packed pixels: one RGBX pixel per element of a uint32 array, red in the lowest byte."""

import numpy as np

from keras_resnet_recipes.augment.kernels.compiled import kernel


def pack(image: np.ndarray) -> np.ndarray:
    """Returns an image as packed pixels, in a new array.

    Args:
        image: uint8 [height, width, 3].

    Returns:
        uint32 [height, width].

    Raises:
        ValueError: If the shape or dtype differs: compiled code would read beyond the array's end.

    Example:
        >>> [hex(value) for value in pack(np.array([[[1, 2, 3]]], np.uint8))[0]]
        ['0x30201']
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be uint8 [height, width, 3] with at least one pixel. "
            f"Received: {image.dtype} {list(image.shape)}"
        )
    packed = np.empty(image.shape[:2], np.uint32)
    _pack(np.ascontiguousarray(image), packed)
    return packed


def unpack(pixels: np.ndarray, image: np.ndarray | None = None) -> np.ndarray:
    """Returns packed pixels as an image.

    Args:
        pixels: uint32 [height, width].
        image: Output array, uint8 [height, width, 3]; a new array by default.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> unpack(pack(np.array([[[1, 2, 3]]], np.uint8))).tolist()
        [[[1, 2, 3]]]
    """
    image = np.empty((*pixels.shape, 3), np.uint8) if image is None else image
    _unpack(pixels, image)
    return image


@kernel
def _pack(image, pixels):
    height, width = pixels.shape
    for y in range(height):
        row, packed = image[y], pixels[y]
        for x in range(width):
            packed[x] = (
                np.uint32(row[x, 0])
                | np.uint32(row[x, 1]) << np.uint32(8)
                | np.uint32(row[x, 2]) << np.uint32(16)
            )


@kernel
def _unpack(pixels, image):
    height, width = pixels.shape
    for y in range(height):
        packed, row = pixels[y], image[y]
        for x in range(width):
            value = packed[x]
            row[x, 0] = np.uint8(value & np.uint32(255))
            row[x, 1] = np.uint8((value >> np.uint32(8)) & np.uint32(255))
            row[x, 2] = np.uint8((value >> np.uint32(16)) & np.uint32(255))
