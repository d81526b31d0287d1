"""A part of a resized image, without resizing the rest: the bytes that `resize` gives there.

An axis of `count` pixels is resized to `length`, and of these only `outputs`, from `first` on, are
wanted.
"""

from __future__ import annotations

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.resize import Part, resize_axis, scale_and_reach


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
    scale, reach = scale_and_reach(count, length, cubic)
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

    def along(axis: int, pixels: tf.Tensor) -> tf.Tensor:
        wanted = Part(start[axis], shape[axis], first[axis], outputs)
        return resize_axis(pixels, resized[axis], cubic, exact, wanted)

    # Along the width, then along the height, with a rounding to bytes in between.
    columns_first = tf.reshape(tf.transpose(part, [1, 0, 2]), [columns, rows * 3])
    narrowed = tf.reshape(along(1, columns_first), [outputs, rows, 3])
    rows_first = tf.reshape(tf.transpose(narrowed, [1, 0, 2]), [rows, outputs * 3])
    return tf.reshape(along(0, rows_first), [outputs, outputs, 3])
