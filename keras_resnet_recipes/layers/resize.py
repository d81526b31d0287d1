"""Antialiased resizing of batches, nearly always with the bytes of Pillow up to 12.

Each image has its own box. Widths are resized first, then heights, with rounding to bytes in between.
Weights are integer multiples of 2**-22, as in Pillow. Bilinear weights are quotients of integers, and
exact; bicubic weights are computed in single precision: some are off by a few units, and one byte in
some thousands by one level.
"""

from typing import Any

_BITS = 22
"""Fractional bits of the weights."""


def resize(ops: Any, images: Any, rows: Any, columns: Any) -> Any:
    """Resizes each image.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, channels], 0..255.
        rows: Weights along the height (see `weights`), int32 [n, new height, height].
        columns: Weights along the width, int32 [n, new width, width].

    Returns:
        int32 [n, new height, new width, channels].
    """
    pixels = ops.numpy.transpose(ops.cast(images, "float32"), (0, 2, 1, 3))
    pixels = ops.numpy.transpose(_resize_axis(ops, pixels, columns), (0, 2, 1, 3))
    return _resize_axis(ops, pixels, rows)


def weights(
    ops: Any,
    pixels: Any,
    outputs: int,
    *,
    start: Any,
    count: Any,
    length: Any,
    first: Any,
    cubic: Any,
) -> Any:
    """Returns the weights of the pixels along an axis in each pixel of the resized axis.

    The `count` pixels from `start` are resized to `length` pixels, of which `outputs` are returned,
    starting at `first`.

    Args:
        ops: Namespace of a Keras backend.
        pixels: Number of pixels along the axis.
        outputs: Number of output pixels.
        start: First pixel of the box, int32 [n].
        count: Pixels of the box, int32 [n].
        length: Pixels of the box after resizing, int32 [n].
        first: First output pixel in the resized box, int32 [n].
        cubic: Whether to use the bicubic kernel (a = -0.5) instead of the bilinear one, bool [n].

    Returns:
        int32 [n, outputs, pixels], in units of 2**-22.
    """
    start, count, length, first, cubic = (
        part[:, None, None] for part in (start, count, length, first, cubic)
    )
    output = ops.numpy.arange(outputs, dtype="int32")[None, :, None] + first
    pixel = ops.numpy.arange(pixels, dtype="int32")[None, None, :] - start
    # The distance from the center, as numerator and denominator: a float would have too few digits.
    apart = ops.numpy.abs((2 * pixel + 1) * length - (2 * output + 1) * count)
    stretch = 2 * ops.numpy.maximum(count, length)
    inside = ops.cast((pixel >= 0) & (pixel < count), "int32")
    linear = _linear(ops, apart, stretch, inside)
    return ops.numpy.where(cubic, _cubic(ops, apart, stretch, inside), linear)


def _linear(ops: Any, apart: Any, stretch: Any, inside: Any) -> Any:
    weight = ops.numpy.maximum(stretch - apart, 0) * inside
    total = ops.cast(ops.numpy.sum(weight, axis=-1, keepdims=True), "int32")
    # Long division, half of the bits at a time, because the full products would exceed int32.
    half = 1 << _BITS // 2
    high, rest = weight * half // total, weight * half % total
    low, rest = rest * half // total, rest * half % total
    return high * half + low + ops.cast(2 * rest >= total, "int32")


def _cubic(ops: Any, apart: Any, stretch: Any, inside: Any) -> Any:
    distance = ops.cast(apart, "float32") / ops.cast(stretch, "float32")
    weight = _keys(ops, distance) * ops.cast(inside, "float32")
    weight = weight / ops.numpy.sum(weight, axis=-1, keepdims=True) * float(1 << _BITS)
    # Rounded half away from 0.
    sign = ops.cast(weight >= 0, "float32") * 2.0 - 1.0
    return ops.cast(sign * ops.numpy.floor(ops.numpy.abs(weight) + 0.5), "int32")


def _keys(ops: Any, distance: Any) -> Any:
    """Returns the cubic kernel of Keys with a = -0.5."""
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = ((distance - 5.0) * distance + 8.0) * distance * -0.5 + 2.0
    none = ops.numpy.zeros_like(distance)
    return ops.numpy.where(distance < 1, near, ops.numpy.where(distance < 2, far, none))


def _resize_axis(ops: Any, pixels: Any, weights: Any) -> Any:
    """Resizes the second axis: float32 [n, pixels, ...] to int32 bytes [n, outputs, ...].

    The weights are split into three numbers of 8 bits, because accelerators may multiply float32 with
    that few bits, but accumulate exactly; so every product and every sum here is exact.
    """
    n, count, *others = ops.shape(pixels)
    high = ops.numpy.right_shift(weights + (1 << 14), 15)
    rest = weights - high * (1 << 15)
    middle = ops.numpy.right_shift(rest + (1 << 6), 7)
    parts = (high, middle, rest - middle * (1 << 7))
    flat = ops.numpy.reshape(ops.cast(pixels, "float32"), (n, count, -1))
    high, middle, low = (
        ops.cast(ops.numpy.matmul(ops.cast(part, "float32"), flat), "int32") for part in parts
    )
    total = high * (1 << 15) + middle * (1 << 7) + low + (1 << _BITS - 1)
    levels = ops.numpy.clip(ops.numpy.right_shift(total, _BITS), 0, 255)
    return ops.numpy.reshape(levels, (n, weights.shape[1], *others))
