"""Resizing an image with Pillow's antialiased filters."""

import numpy as np

from keras_resnet_recipes.augment import kernels


def resize(image: np.ndarray, height: int, width: int, cubic: bool = False) -> np.ndarray:
    """Resizes an image with the bytes of Pillow up to 12.

    Pillow 13 resizes heights first where that is less work; here widths are always first, as in the versions
    with which the recipes were developed. `keras.layers.Resizing` does not antialias, and works in floating point.

    Args:
        image: uint8 [height, width, 3], of any size.
        height: Height of the result in pixels, at least 1.
        width: Width of the result in pixels, at least 1.
        cubic: Bicubic if true, bilinear if false.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> resize(np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8), 1, 1)[0, 0].tolist()
        [100, 100, 100]

    References:
        Pillow `Image.resize`, `src/libImaging/Resample.c`.
    """
    for name, length in (("height", height), ("width", width)):
        if length < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={length!r}")
    pixels = kernels.packing.pack(image)
    return kernels.packing.unpack(
        kernels.resize.resize(pixels, (0, 0, *pixels.shape), (height, width), cubic)
    )
