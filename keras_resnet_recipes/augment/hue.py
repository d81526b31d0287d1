"""Turning the colours of one image around the colour circle, identical to Pillow's HSV and back.

Pillow's hue, saturation and value are bytes (`Convert.c`), so that the way there and back changes
most colours a little even where nothing is turned. What Pillow rounds in single precision is
rounded in single precision here, and what in double in double.
"""

from __future__ import annotations

from keras_resnet_recipes.augment import lazy_tensorflow as tf


def hue(image: tf.Tensor, shift: tf.Tensor | float) -> tf.Tensor:
    """Turn the colours around the colour circle.

    Args:
        image: uint8 [height, width, 3].
        shift: Fraction of a turn, -0.5..0.5; cut to a whole number of 255ths, of which 256 make the
            turn. With 0 colours go there and back, and most change a little.

    Returns:
        uint8 [height, width, 3].

    Source: torchvision `transforms/_functional_pil.py`, `adjust_hue`; Pillow `Convert.c`.
    `keras.layers.RandomHue` works in floating point.

    >>> hue(tf.constant([[[255, 0, 0]]], tf.uint8), 1 / 3)[0, 0].numpy().tolist()
    [0, 255, 0]
    """
    image = tf.convert_to_tensor(image)
    change = _fused_turn if image.shape.is_fully_defined() else _turn
    turns = tf.cast(tf.cast(shift, tf.float64) * 255.0, tf.int32)
    return change(image, turns)


def _turn(image: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    angle, saturation, value = _hue_saturation_value(tf.cast(image, tf.int32))
    angle = tf.bitwise.bitwise_and(angle + turns, 255)
    return tf.ensure_shape(_red_green_blue(angle, saturation, value), image.shape)


def _hue_saturation_value(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """From int32 [..., 3] to three of int32 [...], 0..255."""
    red, green, blue = tf.unstack(image, axis=-1)
    value, low = tf.reduce_max(image, -1), tf.reduce_min(image, -1)
    gray = value == low
    spread = tf.cast(tf.maximum(value - low, 1), tf.float32)
    to_red, to_green, to_blue = (
        tf.cast(tf.cast(value - channel, tf.float32) / spread, tf.float64)
        for channel in (red, green, blue)
    )
    sixths = tf.where(
        red == value,
        to_blue - to_green,
        tf.where(green == value, 2.0 + to_red - to_blue, 4.0 + to_green - to_red),
    )
    turn = tf.cast(tf.math.floormod(_single(sixths) / 6.0 + 1.0, 1.0), tf.float32)
    saturation = spread / tf.cast(tf.maximum(value, 1), tf.float32)
    angle, saturation = (
        tf.where(gray, 0, tf.cast(tf.cast(part, tf.float64) * 255.0, tf.int32))
        for part in (turn, saturation)
    )
    return angle, saturation, value


def _red_green_blue(angle: tf.Tensor, saturation: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """From three of int32 [...], 0..255, to uint8 [..., 3]."""
    sixths = tf.cast(angle, tf.float64) * 6.0 / 255.0
    sector = tf.floor(sixths)
    away = tf.cast(sixths - sector, tf.float32)
    strength = tf.cast(saturation, tf.float32) / 255.0
    full = tf.cast(value, tf.float64)

    def weakened(part: tf.Tensor) -> tf.Tensor:
        # C's round; nothing here is negative.
        return tf.cast(tf.floor(full * (1.0 - part) + 0.5), tf.int32)

    low = weakened(tf.cast(strength, tf.float64))
    falling = weakened(tf.cast(strength * away, tf.float64))
    rising = weakened(tf.cast(strength, tf.float64) * (1.0 - tf.cast(away, tf.float64)))
    sector = tf.cast(sector, tf.int32) % 6

    def pick(*of_sector: tf.Tensor) -> tf.Tensor:
        chosen = of_sector[0]
        for number, channel in enumerate(of_sector[1:], start=1):
            chosen = tf.where(sector == number, channel, chosen)
        return chosen

    red = pick(value, falling, low, low, rising, value)
    green = pick(rising, value, value, falling, low, low)
    blue = pick(low, low, rising, value, value, falling)
    return tf.cast(tf.stack([red, green, blue], -1), tf.uint8)


def _single(number: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.cast(number, tf.float32), tf.float64)


_fused_turn = tf.compiled(_turn)
