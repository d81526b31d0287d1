"""A part of a resized image, without resizing the rest: the bytes that `resize` gives there.

An axis of `count` pixels is resized to `length`, and of these only `outputs`, from `first` on, are
wanted.
"""

import tensorflow as tf

_BLOCK = 8
_ONE = 2.0**22


def pixels_needed(
    count: tf.Tensor | int,
    length: tf.Tensor | int,
    first: tf.Tensor | int,
    outputs: int,
    cubic: tf.Tensor | bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pixels of an axis decide on a part of the resized axis.

    Args:
        count: Pixels of the axis, whole numbers [...].
        length: Pixels after resizing, likewise.
        first: First one wanted, likewise.
        outputs: How many are wanted.
        cubic: Bicubic if true, bilinear if false.

    Returns:
        The first pixel needed, and the first one no longer needed, int32 [...].

    >>> start, stop = pixels_needed(100, 50, first=10, outputs=20)
    >>> int(start), int(stop)
    (19, 61)
    """
    scale, reach = _scale(count, length, cubic)
    low = (tf.cast(first, tf.float64) + 0.5) * scale - reach + 0.5
    high = (tf.cast(first + outputs - 1, tf.float64) + 0.5) * scale + reach + 0.5
    start = tf.maximum(tf.cast(tf.floor(low), tf.int32), 0)
    return start, tf.minimum(tf.cast(tf.floor(high), tf.int32), tf.cast(count, tf.int32))


def resize_window(
    part: tf.Tensor,
    start: tf.Tensor,
    shape: tf.Tensor,
    resized: tf.Tensor,
    first: tf.Tensor,
    outputs: int,
    cubic: tf.Tensor | bool = False,
    exact: bool = True,
) -> tf.Tensor:
    """Resize as much of an image as a square of the resized image needs.

    Args:
        part: uint8 [rows, columns, 3], the pixels that `pixels_needed` names.
        start: Top and left of them in the image, int32 [2].
        shape: Height and width of the image, int32 [2].
        resized: Height and width after resizing, int32 [2].
        first: Top and left of the square in the resized image, int32 [2].
        outputs: Height and width of the square.
        cubic: Bicubic (a = -0.5) if true, bilinear if false.
        exact: Whether every byte is Pillow's, see `resize`.

    Returns:
        uint8 [outputs, outputs, 3].

    Source: Pillow `src/libImaging/Resample.c`.

    >>> image = tf.constant([[[0, 0, 0]], [[200, 100, 9]]], tf.uint8)
    >>> resize_window(image, [0, 0], [2, 1], [4, 2], [1, 0], 2)[:, 0, 0].numpy().tolist()
    [50, 150]
    """
    rows, columns = tf.unstack(tf.shape(part)[:2])
    resize_axis = _resize_axis if exact else _scale_axis

    def along(axis: int, values: tf.Tensor) -> tf.Tensor:
        numbers = (start[axis], shape[axis], resized[axis], first[axis])
        return resize_axis(values, *numbers, outputs, cubic)

    # Along the width, then along the height, with a rounding to bytes in between.
    columns_first = tf.reshape(tf.transpose(part, [1, 0, 2]), [columns, rows * 3])
    narrowed = tf.reshape(along(1, columns_first), [outputs, rows, 3])
    rows_first = tf.reshape(tf.transpose(narrowed, [1, 0, 2]), [rows, outputs * 3])
    return tf.reshape(along(0, rows_first), [outputs, outputs, 3])


def _scale(
    count: tf.Tensor | int, length: tf.Tensor | int, cubic: tf.Tensor | bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pixels that fall on one, and how far from its centre the kernel reaches."""
    scale = tf.cast(count, tf.float64) / tf.cast(length, tf.float64)
    return scale, tf.maximum(scale, 1.0) * tf.where(cubic, tf.cast(2, tf.float64), 1.0)


def _resize_axis(
    values: tf.Tensor,
    start: tf.Tensor,
    count: tf.Tensor,
    length: tf.Tensor,
    first: tf.Tensor,
    outputs: int,
    cubic: tf.Tensor | bool,
) -> tf.Tensor:
    """Uint8 [pixels, values] -> uint8 [outputs, values], as a product with a banded matrix.

    Eight neighbours of the result need nearly the same pixels, so that the band falls into blocks,
    and the whole is one batch of small dense products. The sums are exact in double precision.
    """
    scale, reach = _scale(count, length, cubic)
    blocks = -(-outputs // _BLOCK)
    places = tf.cast(first + tf.range(blocks * _BLOCK), tf.float64)
    centers = tf.reshape((places + 0.5) * scale, [blocks, _BLOCK])
    span = tf.math.ceil((_BLOCK - 1) * scale + 2 * reach) + 1
    pixels = tf.floor(centers[:, :1] - reach + 0.5) + tf.range(span, dtype=tf.float64)
    distance = (pixels[:, None, :] - centers[:, :, None] + 0.5) / tf.maximum(scale, 1.0)
    inside = tf.cast((pixels >= 0) & (pixels < tf.cast(count, tf.float64)), tf.float64)
    weights = _kernel(tf.abs(distance), cubic) * inside[:, None, :]
    # Outputs that only fill up the last block may lie wholly outside.
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    weights = weights / tf.where(total == 0, tf.ones_like(total), total) * _ONE
    weights = tf.sign(weights) * tf.floor(tf.abs(weights) + 0.5) / _ONE
    nearest = tf.clip_by_value(tf.cast(pixels, tf.int32) - start, 0, tf.shape(values)[0] - 1)
    sums = tf.matmul(weights, tf.cast(tf.gather(values, nearest), tf.float64))
    levels = tf.cast(tf.clip_by_value(sums + 0.5, 0.0, 255.0), tf.uint8)
    return tf.reshape(levels, [blocks * _BLOCK, tf.shape(values)[1]])[:outputs]


def _scale_axis(
    values: tf.Tensor,
    start: tf.Tensor,
    count: tf.Tensor,
    length: tf.Tensor,
    first: tf.Tensor,
    outputs: int,
    cubic: tf.Tensor | bool,
) -> tf.Tensor:
    """As `_resize_axis`, in single precision, by TensorFlow's own operation."""
    scale = tf.cast(length, tf.float64) / tf.cast(count, tf.float64)
    moved = tf.cast(start, tf.float64) * scale - tf.cast(first, tf.float64)

    def by(kernel: str) -> tf.Tensor:
        return 0.5 + tf.raw_ops.ScaleAndTranslate(
            images=values[None, :, None, :],
            size=[outputs, 1],
            scale=tf.stack([tf.cast(scale, tf.float32), 1.0]),
            translation=tf.stack([tf.cast(moved, tf.float32), 0.0]),
            kernel_type=kernel,
            antialias=True,
        )

    cubic = tf.convert_to_tensor(cubic)
    levels = tf.cond(cubic, lambda: by("keyscubic"), lambda: by("triangle"))
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)[0, :, 0, :]


def _kernel(distance: tf.Tensor, cubic: tf.Tensor | bool) -> tf.Tensor:
    """The triangle of bilinear, or the cubic of Keys with a = -0.5; distance at least 0."""

    def keys() -> tf.Tensor:
        near = (1.5 * distance - 2.5) * distance * distance + 1.0
        far = ((distance - 5.0) * distance + 8.0) * distance * -0.5 + 2.0
        return tf.where(distance < 1, near, tf.where(distance < 2, far, tf.zeros_like(far)))

    return tf.cond(tf.convert_to_tensor(cubic), keys, lambda: tf.maximum(1.0 - distance, 0.0))
