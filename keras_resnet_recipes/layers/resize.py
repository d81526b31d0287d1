"""Antialiased resizing of batches: the bytes that Pillow up to 12 gives, almost always.

Every image has a box of its own. First along the width, then along the height, with a rounding to
bytes in between. Weights are whole numbers of 2**-22 as in Pillow; as they are computed in single
precision, one in some is off by a few of these, and a byte in a thousand by one level.
"""

from typing import Any

_ONE = float(1 << 22)


def resize(ops: Any, images: Any, rows: Any, columns: Any) -> Any:
    """Resizes each image.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, channels], 0..255.
        rows: What `weights` gives for the height, int32 [n, new height, height].
        columns: What it gives for the width, int32 [n, new width, width].

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
    """The share of every pixel of an axis in every pixel of the resized one.

    Of an axis the `count` pixels from `start` are resized to `length`, and of these `outputs` are
    wanted, from `first` on.

    Args:
        ops: Namespace of a Keras backend.
        pixels: How many pixels the axis has.
        outputs: How many are wanted.
        start: int32 [n].
        count: int32 [n].
        length: int32 [n].
        first: int32 [n].
        cubic: Whether to use the bicubic kernel (a = -0.5) instead of the bilinear one, bool [n].

    Returns:
        int32 [n, outputs, pixels], in units of 2**-22.
    """
    start, count, length, first, cubic = (
        part[:, None, None] for part in (start, count, length, first, cubic)
    )
    output = ops.numpy.arange(outputs, dtype="int32")[None, :, None] + first
    pixel = ops.numpy.arange(pixels, dtype="int32")[None, None, :] - start
    # Numerator and denominator are exact: centres as floats would have too few digits.
    apart = (2 * pixel + 1) * length - (2 * output + 1) * count
    stretch = 2 * ops.numpy.maximum(count, length)
    distance = ops.cast(ops.numpy.abs(apart), "float32") / ops.cast(stretch, "float32")
    shares = ops.numpy.where(cubic, _keys(ops, distance), ops.numpy.maximum(1.0 - distance, 0.0))
    inside = (pixel >= 0) & (pixel < count)
    shares = ops.numpy.where(inside, shares, ops.numpy.zeros_like(shares))
    shares = shares / ops.numpy.sum(shares, axis=-1, keepdims=True) * _ONE
    # Rounded half away from 0.
    sign = ops.cast(shares >= 0, "float32") * 2.0 - 1.0
    return ops.cast(sign * ops.numpy.floor(ops.numpy.abs(shares) + 0.5), "int32")


def _keys(ops: Any, distance: Any) -> Any:
    """The cubic of Keys with a = -0.5."""
    near = (1.5 * distance - 2.5) * distance * distance + 1.0
    far = ((distance - 5.0) * distance + 8.0) * distance * -0.5 + 2.0
    none = ops.numpy.zeros_like(distance)
    return ops.numpy.where(distance < 1, near, ops.numpy.where(distance < 2, far, none))


def _resize_axis(ops: Any, pixels: Any, shares: Any) -> Any:
    """Resizes the second axis: float32 [n, pixels, ...] to int32 bytes [n, outputs, ...].

    The weights are split into three numbers of 8 bits. Accelerators multiply float32 with as few as
    that, and add up exactly; so every product and every sum here is exact.
    """
    n, count, *others = ops.shape(pixels)
    high = ops.numpy.right_shift(shares + (1 << 14), 15)
    rest = shares - high * (1 << 15)
    middle = ops.numpy.right_shift(rest + (1 << 6), 7)
    parts = (high, middle, rest - middle * (1 << 7))
    flat = ops.numpy.reshape(ops.cast(pixels, "float32"), (n, count, -1))
    high, middle, low = (
        ops.cast(ops.numpy.matmul(ops.cast(part, "float32"), flat), "int32") for part in parts
    )
    total = high * (1 << 15) + middle * (1 << 7) + low + (1 << 21)
    levels = ops.numpy.clip(ops.numpy.right_shift(total, 22), 0, 255)
    return ops.numpy.reshape(levels, (n, shares.shape[1], *others))
