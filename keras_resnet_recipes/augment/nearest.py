"""Affine maps of one image without interpolation, identical to Pillow's nearest neighbour.

Pillow looks from the output back into the input, in whole numbers of 1/65536 of a pixel (Pillow,
`src/libImaging/Geometry.c`); places outside the picture are black.
"""

from __future__ import annotations

import math
from typing import Any

from keras_resnet_recipes.augment import lazy_tensorflow as tf

_ONE = 65536
Matrix = tuple[Any, ...]
"""Six of float64: the output pixel (x, y) is looked up at (a x + b y + c, d x + e y + f)."""


def affine(image: tf.Tensor, matrix: Matrix) -> tf.Tensor:
    """Look every pixel up at another place.

    Args:
        image: uint8 [height, width, 3], each side less than 16384 pixels.
        matrix: From the output to the input, centres of pixels lying at x + 1/2, y + 1/2.

    Returns:
        uint8 [height, width, 3].

    Source: Pillow `Image.transform`.

    >>> image = tf.constant([[[1, 2, 3], [4, 5, 6]]], tf.uint8)
    >>> one, none = tf.ones([], tf.float64), tf.zeros([], tf.float64)
    >>> affine(image, (one, none, one, none, one, none))[0, :, 0].numpy().tolist()
    [4, 0]
    """
    image = tf.convert_to_tensor(image)
    look_up = _fused_look_up if image.shape.is_fully_defined() else _look_up
    a, b, c, d, e, f = (tf.cast(number, tf.float64) for number in matrix)
    steps = tf.stack([a, b, c + a * 0.5 + b * 0.5, d, e, f + d * 0.5 + e * 0.5])
    steps = tf.cast(tf.floor(steps * _ONE + 0.5), tf.int32)
    return tf.ensure_shape(look_up(image, steps), image.shape)


def rotation(image: tf.Tensor, degrees: tf.Tensor | float) -> Matrix:
    """The map that turns a picture counter-clockwise about its centre.

    Args:
        image: uint8 [height, width, 3].
        degrees: Angle.

    Returns:
        What `affine` takes.

    Source: Pillow `Image.rotate`.

    >>> image = tf.constant([[[1, 2, 3], [4, 5, 6]]], tf.uint8)
    >>> affine(image, rotation(image, 180))[0, :, 0].numpy().tolist()
    [4, 1]
    """
    shape = tf.cast(tf.shape(image), tf.float64)
    middle_y, middle_x = shape[0] / 2, shape[1] / 2
    turn = -tf.math.floormod(tf.cast(degrees, tf.float64), 360.0) * (math.pi / 180)
    cos, sin = (tf.round(part * 1e15) / 1e15 for part in (tf.cos(turn), tf.sin(turn)))
    c = cos * -middle_x + sin * -middle_y + middle_x
    f = -sin * -middle_x + cos * -middle_y + middle_y
    return cos, sin, c, -sin, cos, f


def _look_up(image: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    height, width, _ = tf.unstack(tf.shape(image))
    a, b, c, d, e, f = tf.unstack(steps)
    x, y = tf.range(width)[None, :], tf.range(height)[:, None]
    column, row = (tf.bitwise.right_shift(t, 16) for t in (c + a * x + b * y, f + d * x + e * y))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    # A black pixel after the last one is where everything outside is looked up.
    pixels = tf.pad(tf.reshape(image, [-1, 3]), [[0, 1], [0, 0]])
    return tf.gather(pixels, tf.where(inside, row * width + column, height * width))


_fused_look_up = tf.compiled(_look_up)
