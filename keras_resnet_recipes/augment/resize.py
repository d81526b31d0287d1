"""Resizing an image, identical to the antialiased resize of Pillow up to 12."""

from __future__ import annotations

from dataclasses import dataclass

from keras_resnet_recipes.augment import lazy_tensorflow as tf

_BLOCK = 8
_ONE = 2.0**22


def resize(
    image: tf.Tensor,
    height: tf.Tensor | int,
    width: tf.Tensor | int,
    cubic: tf.Tensor | bool = False,
    exact: bool = True,
) -> tf.Tensor:
    """Resize an image to the bytes that Pillow gives.

    First along the width, then along the height, with a rounding to bytes after either; Pillow 13
    goes along the height first where it shrinks much more, and then differs a little. A smaller
    image is averaged over as many pixels as fall on one. Weights are in units of 2**-22 as in
    Pillow and the sums are exact in double precision; `keras.ops.image.resize` and
    `tf.image.resize` work in single precision without the rounding in between.

    Args:
        image: uint8 [height, width, 3], of any size.
        height: Height of the result, at least 1.
        width: Width of the result, at least 1.
        cubic: Bicubic (a = -0.5) if true, bilinear if false.
        exact: If false, in single precision: two to three times as fast, and of the bytes of
            photographs 0.4 % (bilinear) or 0.01 % (bicubic) are off by 1, hardly ever by 2.
            These lie next to a rounding limit: where bilinear weights are simple fractions, up to
            10 % do.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `src/libImaging/Resample.c`.

    >>> resize(tf.constant([[[0, 0, 0], [255, 100, 9]]], tf.uint8), 1, 1)[0, 0].numpy().tolist()
    [128, 50, 5]
    """
    rows, columns = tf.unstack(tf.shape(image)[:2])
    # Channels stay beside what is not resized: turning a matrix is twice as fast as turning pixels.
    columns_first = tf.transpose(tf.reshape(image, [rows, columns * 3]))
    narrowed = resize_axis(tf.reshape(columns_first, [columns, 3 * rows]), width, cubic, exact)
    rows_first = tf.transpose(tf.reshape(narrowed, [width * 3, rows]))
    resized = tf.reshape(resize_axis(rows_first, height, cubic, exact), [height, width, 3])
    known = [n if isinstance(n, int) else None for n in (height, width)]
    return tf.ensure_shape(resized, [*known, 3])


@dataclass(frozen=True)
class Part:
    """The part of a resized axis that is wanted, and the pixels there are for it.

    Args:
        start: Place on the axis of the first pixel there is, a whole number.
        count: Pixels of the whole axis.
        first: First pixel wanted of the resized axis.
        outputs: How many are wanted.
    """

    start: tf.Tensor | int
    count: tf.Tensor | int
    first: tf.Tensor | int
    outputs: tf.Tensor | int


def resize_axis(
    pixels: tf.Tensor,
    length: tf.Tensor | int,
    cubic: tf.Tensor | bool = False,
    exact: bool = True,
    part: Part | None = None,
) -> tf.Tensor:
    """Resize one axis, as `resize` does both.

    Args:
        pixels: uint8 [pixels, values].
        length: Pixels of the axis after resizing.
        cubic: As for `resize`.
        exact: As for `resize`.
        part: What is wanted of the resized axis; None is all of it.

    Returns:
        uint8 [length, values], or [part.outputs, values].

    >>> resize_axis(tf.constant([[0], [200]], tf.uint8), 4).numpy().ravel().tolist()
    [0, 50, 150, 200]
    """
    part = part or Part(0, tf.shape(pixels)[0], 0, length)
    return (_by_matrix if exact else _by_tensorflow)(pixels, length, cubic, part)


def scale_and_reach(
    count: tf.Tensor | int, length: tf.Tensor | int, cubic: tf.Tensor | bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """How many pixels fall on one, and how far from its centre the kernel reaches; float64.

    >>> [float(number) for number in scale_and_reach(100, 50, cubic=True)]
    [2.0, 4.0]
    """
    scale = tf.cast(count, tf.float64) / tf.cast(length, tf.float64)
    stretch = tf.maximum(scale, 1.0)
    return scale, tf.where(cubic, 2.0 * stretch, stretch)


def _by_tensorflow(
    pixels: tf.Tensor, length: tf.Tensor | int, cubic: tf.Tensor | bool, part: Part
) -> tf.Tensor:
    """In single precision, by an operation of TensorFlow's own."""
    scale = tf.cast(length, tf.float64) / tf.cast(part.count, tf.float64)
    moved = tf.cast(part.start, tf.float64) * scale - tf.cast(part.first, tf.float64)

    def by(kernel: str) -> tf.Tensor:
        return tf.raw_ops.ScaleAndTranslate(
            images=pixels[None, :, None, :],
            size=tf.stack([part.outputs, 1]),
            scale=tf.stack([tf.cast(scale, tf.float32), 1.0]),
            translation=tf.stack([tf.cast(moved, tf.float32), 0.0]),
            kernel_type=kernel,
            antialias=True,
        )

    levels = tf.cond(tf.convert_to_tensor(cubic), lambda: by("keyscubic"), lambda: by("triangle"))
    # Rounded half up and limited to bytes in one pass; 0..255 are levels, not a range to stretch.
    quantized = tf.raw_ops.QuantizeV2(
        input=levels[0, :, 0, :],
        min_range=0.0,
        max_range=255.0,
        T=tf.quint8,
        mode="SCALED",
        round_mode="HALF_AWAY_FROM_ZERO",
    )
    return tf.bitcast(quantized.output, tf.uint8)


def _by_matrix(
    pixels: tf.Tensor, length: tf.Tensor | int, cubic: tf.Tensor | bool, part: Part
) -> tf.Tensor:
    """In double precision, as a product with a banded matrix.

    Eight neighbours of the result need nearly the same pixels, so that the band falls into blocks,
    and the whole is one batch of small dense products.
    """
    count = tf.cast(part.count, tf.float64)
    scale, reach = scale_and_reach(count, length, cubic)
    blocks = -(-part.outputs // _BLOCK)
    places = tf.cast(part.first + tf.range(blocks * _BLOCK), tf.float64)
    centers = tf.reshape((places + 0.5) * scale, [blocks, _BLOCK])
    span = tf.math.ceil((_BLOCK - 1) * scale + 2 * reach) + 1
    inputs = tf.floor(centers[:, :1] - reach + 0.5) + tf.range(span, dtype=tf.float64)
    distance = (inputs[:, None, :] - centers[:, :, None] + 0.5) / tf.maximum(scale, 1.0)
    inside = (inputs >= 0) & (inputs < count)
    weights = _kernel(tf.abs(distance), cubic) * tf.cast(inside, tf.float64)[:, None, :]
    # Outputs that only fill up the last block may lie wholly outside.
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    weights = weights / tf.where(total == 0, tf.ones_like(total), total) * _ONE
    weights = tf.sign(weights) * tf.floor(tf.abs(weights) + 0.5) / _ONE
    nearest = tf.clip_by_value(tf.cast(inputs, tf.int32) - part.start, 0, tf.shape(pixels)[0] - 1)
    sums = tf.matmul(weights, tf.cast(tf.gather(pixels, nearest), tf.float64))
    levels = tf.cast(tf.clip_by_value(sums + 0.5, 0.0, 255.0), tf.uint8)
    return tf.reshape(levels, [blocks * _BLOCK, tf.shape(pixels)[1]])[: part.outputs]


def _kernel(distance: tf.Tensor, cubic: tf.Tensor | bool) -> tf.Tensor:
    """The triangle of bilinear, or the cubic of Keys with a = -0.5; distance at least 0."""

    def keys() -> tf.Tensor:
        near = (1.5 * distance - 2.5) * distance * distance + 1.0
        far = ((distance - 5.0) * distance + 8.0) * distance * -0.5 + 2.0
        return tf.where(distance < 1, near, tf.where(distance < 2, far, tf.zeros_like(far)))

    return tf.cond(tf.convert_to_tensor(cubic), keys, lambda: tf.maximum(1.0 - distance, 0.0))
