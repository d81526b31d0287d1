"""Shear, translation and rotation of one image, identical to Pillow's affine transform.

Pillow looks from the output back into the input: the output pixel (x, y) has its centre at
(x + 1/2, y + 1/2), the inverse map gives the place in the input, places outside the picture get
the fill colour, and inside it the neighbours are interpolated, those beyond the edge being the edge
itself. Results are cut to whole numbers, not rounded (Pillow, `src/libImaging/Geometry.c`). Its
bicubic kernel has a = -1 here, unlike the one of `resize`.

Everything that is rounded in double precision by Pillow is rounded in double precision here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.interpolation import (
    fused_interpolate,
    interpolate,
    look_up,
    with_edges,
)

FILL = (124, 116, 104)
"""The mean colour of ImageNet on the scale 0..255, with which timm fills what moves into view."""

_HALF_DEGREES = tuple(
    np.array([function(-math.radians(half / 2)) for half in range(721)])
    for function in (math.cos, math.sin)
)


def shear_x(
    image: tf.Tensor,
    shear: tf.Tensor | float,
    cubic: tf.Tensor | bool = False,
    fill: Sequence[int] = FILL,
) -> tf.Tensor:
    """Move every row sideways, in proportion to its distance from the top edge.

    Args:
        image: uint8 [height, width, 3].
        shear: Pixels per row; a positive value moves the picture to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `shear_x`; Pillow `Image.transform`.

    >>> image = tf.constant([[[9, 9, 9]], [[9, 9, 9]]], tf.uint8)
    >>> shear_x(image, 0.5, fill=(0, 0, 0))[:, 0, 0].numpy().tolist()
    [9, 0]
    """
    rows = _centers(tf.range(tf.shape(image)[0]))[:, None]
    return _shear(image, _float64(shear) * rows, 1, cubic, fill)


def shear_y(
    image: tf.Tensor,
    shear: tf.Tensor | float,
    cubic: tf.Tensor | bool = False,
    fill: Sequence[int] = FILL,
) -> tf.Tensor:
    """Move every column upwards, in proportion to its distance from the left edge.

    Args:
        image: uint8 [height, width, 3].
        shear: Pixels per column; a positive value moves the picture up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `shear_y`; Pillow `Image.transform`.

    >>> image = tf.constant([[[9, 9, 9], [9, 9, 9]]], tf.uint8)
    >>> shear_y(image, 0.5, fill=(0, 0, 0))[0, :, 0].numpy().tolist()
    [9, 0]
    """
    columns = _centers(tf.range(tf.shape(image)[1]))[None, :]
    return _shear(image, _float64(shear) * columns, 0, cubic, fill)


def translate_x(
    image: tf.Tensor,
    fraction: tf.Tensor | float,
    cubic: tf.Tensor | bool = False,
    fill: Sequence[int] = FILL,
) -> tf.Tensor:
    """Move the picture sideways.

    Args:
        image: uint8 [height, width, 3].
        fraction: Distance as a fraction of the width; a positive one moves the picture to the left.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `translate_x_rel`; Pillow `Image.transform`.

    >>> image = tf.constant([[[1, 2, 3], [4, 5, 6]]], tf.uint8)
    >>> translate_x(image, 0.5, fill=(0, 0, 0))[0, :, 0].numpy().tolist()
    [4, 0]
    """
    return _translate(image, fraction, 1, cubic, fill)


def translate_y(
    image: tf.Tensor,
    fraction: tf.Tensor | float,
    cubic: tf.Tensor | bool = False,
    fill: Sequence[int] = FILL,
) -> tf.Tensor:
    """Move the picture up or down.

    Args:
        image: uint8 [height, width, 3].
        fraction: Distance as a fraction of the height; a positive one moves the picture up.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `translate_y_rel`; Pillow `Image.transform`.

    >>> image = tf.constant([[[1, 2, 3]], [[4, 5, 6]]], tf.uint8)
    >>> translate_y(image, 0.5, fill=(0, 0, 0))[:, 0, 0].numpy().tolist()
    [4, 0]
    """
    return _translate(image, fraction, 0, cubic, fill)


def rotate(
    image: tf.Tensor,
    degrees: tf.Tensor | float,
    cubic: tf.Tensor | bool = False,
    fill: Sequence[int] = FILL,
) -> tf.Tensor:
    """Turn the picture about its centre, keeping its size.

    Args:
        image: uint8 [height, width, 3].
        degrees: Angle, counter-clockwise.
        cubic: Bicubic interpolation if true, bilinear if false.
        fill: Colour of the pixels that come from outside the image, three of 0..255.

    Returns:
        uint8 [height, width, 3].

    Source: timm `data/auto_augment.py`, `rotate`; Pillow `Image.rotate`.

    >>> image = tf.constant([[[1, 2, 3], [4, 5, 6]]], tf.uint8)
    >>> rotate(image, 180)[0, :, 0].numpy().tolist()
    [4, 1]
    """
    height, width = tf.unstack(tf.shape(image)[:2])
    cos, sin = (_fifteen_decimals(part) for part in _cos_and_sin(_float64(degrees)))
    middle_x, middle_y = tf.cast(width, tf.float64) / 2, tf.cast(height, tf.float64) / 2
    x, y = _centers(tf.range(width))[None, :], _centers(tf.range(height))[:, None]
    from_x = cos * x, sin * y, cos * -middle_x + sin * -middle_y + middle_x
    from_y = -sin * x, cos * y, -sin * -middle_x + cos * -middle_y + middle_y
    return look_up(image, from_x, from_y, (0, 1), cubic, fill)


def _float64(value: tf.Tensor | float) -> tf.Tensor:
    # tf.cast alone would take a Python number through float32.
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def _centers(index: tf.Tensor) -> tf.Tensor:
    return tf.cast(index, tf.float64) + 0.5


def _cos_and_sin(degrees: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of a clockwise turn, those of half degrees with the last bit of the C library.

    TensorFlow's sine of 45 degrees is off in the last bit, its fifteenth decimal is then another
    one, and pixels that fall in the middle between two get another level.
    """
    turn = tf.math.floormod(degrees, 360.0)
    half = tf.round(2 * turn)
    rest = (half / 2 - turn) * (math.pi / 180)
    cos, sin = (tf.gather(table, tf.cast(half, tf.int32)) for table in _HALF_DEGREES)
    return (
        cos * tf.cos(rest) - sin * tf.sin(rest),
        sin * tf.cos(rest) + cos * tf.sin(rest),
    )


def _fifteen_decimals(value: tf.Tensor) -> tf.Tensor:
    return tf.round(value * 1e15) / 1e15


def _translate(
    image: tf.Tensor,
    fraction: tf.Tensor | float,
    axis: int,
    cubic: tf.Tensor | bool,
    fill: Sequence[int],
) -> tf.Tensor:
    """Move the whole picture along `axis` by a fraction of its size there.

    All pixels move alike, so that whole rows or columns are copied, and the neighbours to
    interpolate between are the same picture, a pixel further.
    """
    image = tf.convert_to_tensor(image)
    size = tf.shape(image)[axis]
    length = tf.cast(size, tf.float64)
    offset = _float64(fraction) * length
    steps = tf.floor(offset)
    place = _centers(tf.range(size)) + offset
    # Where the sum is rounded up to a whole number this is 1, which gives the next pixel exactly.
    distance = place - 0.5 - (tf.range(length, dtype=tf.float64) + steps)
    inside = (place >= 0) & (place < length)
    # What comes around from the other side is outside the picture, and filled.
    rolled = tf.roll(with_edges(image, axis), -tf.cast(steps, tf.int32), axis)
    between = fused_interpolate if image.shape.is_fully_defined() else interpolate
    moved = tf.cond(
        tf.convert_to_tensor(cubic),
        lambda: between(rolled, distance, inside, axis, 4, tuple(fill)),
        lambda: between(rolled, distance, inside, axis, 2, tuple(fill)),
    )
    return tf.ensure_shape(tf.reshape(moved, tf.shape(image)), image.shape)


def _shear(
    image: tf.Tensor, offset: tf.Tensor, axis: int, cubic: tf.Tensor | bool, fill: Sequence[int]
) -> tf.Tensor:
    """Move along `axis` by an offset for each row or column."""
    size, none = tf.shape(image), tf.zeros([], tf.float64)
    y, x = _centers(tf.range(size[0]))[:, None], _centers(tf.range(size[1]))[None, :]
    from_y, from_x = ((y, offset, none), (x, none, none))
    if axis == 1:
        from_y, from_x = ((y, none, none), (x, offset, none))
    return look_up(image, from_x, from_y, (axis,), cubic, fill)
