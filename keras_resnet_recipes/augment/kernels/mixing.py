"""Mixing the images of a batch with each other, in place."""

import numpy as np
from numba import float32, int32, uint8

from keras_resnet_recipes.augment.kernels.compiled import kernel

# 1.5 * 2**23: single precision has no fractional bits at this size, so adding it rounds half to even.
_ROUNDING = np.float32(12582912)


@kernel
def blend_pair(one, other, weight, rest):
    """Blends two images with each other in place: each becomes `weight` * itself + `rest` * the other.

    Args:
        one: uint8 [height, width, channels].
        other: uint8 of the same shape.
        weight: float32.
        rest: float32.
    """
    p, q = one.reshape(-1), other.reshape(-1)
    for i in range(p.shape[0]):
        a, b = float32(p[i]), float32(q[i])
        p[i] = uint8(int32((a * weight + b * rest + _ROUNDING) - _ROUNDING))
        q[i] = uint8(int32((b * weight + a * rest + _ROUNDING) - _ROUNDING))


@kernel
def blend_into(image, partner, weight, rest):
    """Blends an image with its partner, which is not changed; the arguments are those of `blend_pair`."""
    p, q = image.reshape(-1), partner.reshape(-1)
    for i in range(p.shape[0]):
        p[i] = uint8(int32((float32(p[i]) * weight + float32(q[i]) * rest + _ROUNDING) - _ROUNDING))
