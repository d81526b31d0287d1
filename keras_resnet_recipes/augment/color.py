"""Changes of colour, tone and sharpness of one image, identical to Pillow's.

Blending follows Pillow's `Blend.c`: degenerate + factor * (image - degenerate) in single precision,
limited to 0..255 and cut to a whole number, not rounded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from keras_resnet_recipes.augment import lazy_tensorflow as tf

Operation = Callable[..., Any]


def _compiled(operation: Operation) -> Operation:
    """In one pass over images of known size, compiled once a size; for those that gain by it."""
    fused = tf.compiled(operation)

    @functools.wraps(operation)
    def operate(image: tf.Tensor, *arguments: tf.Tensor | float) -> tf.Tensor:
        image = tf.convert_to_tensor(image)
        # Another Python number would be another function to compile.
        numbers = [tf.cast(argument, tf.float32) for argument in arguments]
        return (fused if image.shape.is_fully_defined() else operation)(image, *numbers)

    return operate


@_compiled
def auto_contrast(image: tf.Tensor) -> tf.Tensor:
    """Stretch each channel so that its darkest value becomes 0 and its brightest 255.

    Args:
        image: uint8 [height, width, 3]. A channel of one value stays as it is.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageOps.autocontrast`. `keras.layers.AutoContrast` scales in single precision.

    >>> auto_contrast(tf.constant([[[10, 0, 7], [20, 255, 7]]], tf.uint8))[0].numpy().tolist()
    [[0, 0, 7], [255, 255, 7]]
    """
    folded = _fold(image)
    # Column by column first, which compiled code does many at a time.
    low = 255 - tf.reduce_max(tf.reshape(tf.reduce_max(255 - folded, 0), [-1, 3]), 0)
    high = tf.reduce_max(tf.reshape(tf.reduce_max(folded, 0), [-1, 3]), 0)
    low, high = tf.cast(low, tf.float64), tf.cast(high, tf.float64)
    flat = high <= low
    scale = tf.where(flat, tf.ones_like(low), 255.0 / tf.where(flat, tf.ones_like(low), high - low))
    offset = tf.where(flat, tf.zeros_like(low), -low * scale)
    scale, offset = _tile(scale, image), _tile(offset, image)
    return _unfold(_to_bytes(_rounded(tf.cast(folded, tf.float64) * scale) + offset), image)


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Flatten the histogram of each channel.

    Args:
        image: uint8 [height, width, 3].

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageOps.equalize`. `keras.layers.Equalization` sets its darkest value to
    0 and scales in another way.

    >>> equalize(tf.constant([[[3, 3, 3], [9, 9, 9]]], tf.uint8))[0].numpy().tolist()
    [[3, 3, 3], [9, 9, 9]]
    """
    image = tf.convert_to_tensor(image)
    shifted = tf.cast(_fold(image), tf.int32) + _tile(tf.constant([0, 256, 512]), image)
    histogram = tf.math.bincount(tf.reshape(shifted, [-1]), minlength=768, maxlength=768)
    histogram = tf.reshape(histogram, [3, 256])
    values = tf.range(256)
    brightest = tf.reduce_max(tf.where(histogram > 0, values, -1), axis=1)
    count = tf.shape(image)[0] * tf.shape(image)[1]
    step = ((count - tf.gather(histogram, brightest, batch_dims=1)) // 255)[:, None]
    divisor = tf.maximum(step, 1)
    below = tf.cumsum(histogram, axis=1, exclusive=True)
    table = tf.minimum((divisor // 2 + below) // divisor, 255)
    table = tf.cast(tf.where(step > 0, table, values), tf.uint8)
    look_up = _fused_gather if image.shape.is_fully_defined() else tf.gather
    return _unfold(look_up(tf.reshape(table, [-1]), shifted), image)


def invert(image: tf.Tensor) -> tf.Tensor:
    """Turn every value v into 255 - v.

    Args:
        image: uint8 [height, width, 3].

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageOps.invert`.

    >>> invert(tf.constant([[[0, 100, 255]]], tf.uint8))[0, 0].numpy().tolist()
    [255, 155, 0]
    """
    return tf.bitwise.invert(image)


def posterize(image: tf.Tensor, bits: tf.Tensor | float) -> tf.Tensor:
    """Keep only the highest bits of each value.

    Args:
        image: uint8 [height, width, 3].
        bits: How many to keep, 0..8. With 0 the image is black, as with Pillow up to 12; later
            ones refuse it, though timm asks for it at level 10.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageOps.posterize`.

    >>> posterize(tf.constant([[[255, 100, 63]]], tf.uint8), 2)[0, 0].numpy().tolist()
    [192, 64, 0]
    """
    dropped = 8 - tf.clip_by_value(tf.cast(bits, tf.int32), 0, 8)
    mask = tf.bitwise.bitwise_and(tf.bitwise.left_shift(255, dropped), 255)
    return tf.bitwise.bitwise_and(image, tf.cast(mask, tf.uint8))


@_compiled
def solarize(image: tf.Tensor, threshold: tf.Tensor | float) -> tf.Tensor:
    """Invert the values from a threshold upwards.

    Args:
        image: uint8 [height, width, 3].
        threshold: 0 (all inverted) to 256 (none).

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageOps.solarize`. `keras.layers.Solarization` inverts from the threshold too,
    but its threshold is drawn by the layer.

    >>> solarize(tf.constant([[[0, 100, 255]]], tf.uint8), 100)[0, 0].numpy().tolist()
    [0, 155, 0]
    """
    folded, limit = _fold(image), tf.cast(tf.math.ceil(threshold), tf.int32)
    bright = tf.cast(folded, tf.int32) >= limit
    return _unfold(tf.where(bright, tf.bitwise.invert(folded), folded), image)


@_compiled
def solarize_add(image: tf.Tensor, addition: tf.Tensor | float) -> tf.Tensor:
    """Brighten the dark half: add to the values below 128.

    Args:
        image: uint8 [height, width, 3].
        addition: 0..128.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `solarize_add`.

    >>> solarize_add(tf.constant([[[0, 127, 128]]], tf.uint8), 110)[0, 0].numpy().tolist()
    [110, 237, 128]
    """
    folded = _fold(image)
    return _unfold(tf.where(folded < 128, folded + tf.cast(addition, tf.uint8), folded), image)


@_compiled
def color(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Change the saturation.

    Args:
        image: uint8 [height, width, 3].
        factor: 0 gives a gray image, 1 the image itself, more than 1 stronger colours.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageEnhance.Color`.

    >>> color(tf.constant([[[255, 0, 0]]], tf.uint8), 0.0)[0, 0].numpy().tolist()
    [76, 76, 76]
    """
    values = tf.cast(image, tf.float32)
    return tf.ensure_shape(_blend(_gray(values)[..., None], values, factor), image.shape)


@_compiled
def contrast(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Change the contrast about the mean gray of the image.

    Args:
        image: uint8 [height, width, 3].
        factor: 0 gives an even gray, 1 the image itself, more than 1 more contrast.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageEnhance.Contrast`. `keras.layers.RandomContrast` goes about the mean of
    each channel.

    >>> contrast(tf.constant([[[0, 0, 0], [255, 255, 255]]], tf.uint8), 0.0)[0, 0].numpy().tolist()
    [128, 128, 128]
    """
    # In whole numbers, which compiled code adds many at a time; those of a row do not overflow.
    row_sums = tf.reduce_sum(tf.cast(_gray(tf.cast(image, tf.float32)), tf.int32), axis=1)
    count = tf.cast(tf.size(image) // 3, tf.float64)
    mean = tf.floor(tf.reduce_sum(tf.cast(row_sums, tf.float64)) / count + 0.5)
    values = tf.cast(_fold(image), tf.float32)
    return _unfold(_blend(tf.cast(mean, tf.float32), values, factor), image)


def brightness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Multiply every value.

    Args:
        image: uint8 [height, width, 3].
        factor: 0 gives black, 1 the image itself, more than 1 a brighter image.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageEnhance.Brightness`. `keras.layers.RandomBrightness` adds instead.

    >>> brightness(tf.constant([[[10, 100, 255]]], tf.uint8), 1.55)[0, 0].numpy().tolist()
    [15, 155, 255]
    """
    return _to_bytes(tf.cast(image, tf.float32) * tf.cast(factor, tf.float32))


@_compiled
def sharpness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Change the sharpness; the outermost pixels stay as they are.

    Args:
        image: uint8 [height, width, 3].
        factor: 0 gives a smoothed image, 1 the image itself, more than 1 a sharper one.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `ImageEnhance.Sharpness`. `keras.layers.RandomSharpness` smooths the border too,
    as if the image were surrounded by black.

    >>> dot = tf.pad(tf.fill([1, 1, 3], tf.constant(130, tf.uint8)), [[1, 1], [1, 1], [0, 0]])
    >>> sharpness(dot, 0.0)[1, :, 0].numpy().tolist()
    [0, 50, 0]
    """
    folded = _fold(image)
    values = tf.cast(folded, tf.float32)
    rows = values[:-2] + values[1:-1] + values[2:]
    around = rows[:, :-6] + rows[:, 3:-3] + rows[:, 6:]
    center = values[1:-1, 3:-3]
    # The sum of weights, 13, is odd: no quotient is so near a half that single precision errs.
    smooth = tf.floor((around + 4.0 * center) * (1 / 13) + 0.5)
    inner = _blend(smooth, center, factor)
    middle = folded[1:-1]
    middle = tf.concat([middle[:, :3], inner, middle[:, 3:][:, -3:]], axis=1)
    return _unfold(tf.concat([folded[:1], middle, folded[1:][-1:]], axis=0), image)


def _blend(degenerate: tf.Tensor, values: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    change = _rounded(tf.cast(factor, tf.float32) * (values - degenerate))
    return _to_bytes(degenerate + change)


def _rounded(product: tf.Tensor) -> tf.Tensor:
    # Never below the limit: keeps XLA from joining the product with the sum after it into one
    # operation with one rounding, which Pillow's results do not have.
    return tf.maximum(product, -1e6)


def _to_bytes(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(values, 0.0, 255.0), tf.uint8)


def _gray(values: tf.Tensor) -> tf.Tensor:
    """Pillow's luminance of float32 [..., 3]: exact, as all sums are whole and below 2**24."""
    red, green, blue = tf.unstack(values, axis=-1)
    sums = 19595.0 * red + 38470.0 * green + 7471.0 * blue
    return tf.floor((sums + 32768.0) * (1 / 65536))


def _fold(image: tf.Tensor) -> tf.Tensor:
    """[height, width, 3] -> [height, 3 * width]: elementwise arithmetic is much faster on it."""
    image = tf.convert_to_tensor(image)
    if image.shape.is_fully_defined():
        return tf.reshape(image, [image.shape[0], 3 * image.shape[1]])
    return tf.reshape(image, [tf.shape(image)[0], 3 * tf.shape(image)[1]])


def _unfold(folded: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return tf.ensure_shape(tf.reshape(folded, tf.shape(image)), image.shape)


def _tile(channels: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return tf.tile(channels, [tf.shape(image)[1]])


# TensorFlow's own gather copies byte by byte.
_fused_gather = tf.compiled(lambda *arguments: tf.gather(*arguments))
