"""Shear, translation and rotation of one image, identical to Pillow's affine transform.

Pillow looks from the output back into the input: the output pixel (x, y) has its centre at
(x + 1/2, y + 1/2), the inverse map gives the place in the input, places outside the picture get
the fill colour, and inside it the neighbours are interpolated, those beyond the edge being the edge
itself. Results are cut to whole numbers, not rounded (Pillow, `src/libImaging/Geometry.c`). Its
bicubic kernel has a = -1 here, unlike the one of `resize`.

Everything that is rounded in double precision by Pillow is rounded in double precision here.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

FILL = (124, 116, 104)
"""The mean colour of ImageNet on the scale 0..255, with which timm fills what moves into view."""

_EDGE = 2
Terms = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Three numbers to be added in this order, each broadcastable to [height, width]."""


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
    return _slide(image, _float64(shear) * rows, 1, cubic, fill)


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
    return _slide(image, _float64(shear) * columns, 0, cubic, fill)


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
    width = tf.cast(tf.shape(image)[1], tf.float64)
    return _slide(image, _float64(fraction) * width, 1, cubic, fill)


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
    height = tf.cast(tf.shape(image)[0], tf.float64)
    return _slide(image, _float64(fraction) * height, 0, cubic, fill)


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
    turn = -tf.math.floormod(_float64(degrees), 360.0) * (math.pi / 180)
    cos, sin = _fifteen_decimals(tf.cos(turn)), _fifteen_decimals(tf.sin(turn))
    middle_x, middle_y = tf.cast(width, tf.float64) / 2, tf.cast(height, tf.float64) / 2
    x, y = _centers(tf.range(width))[None, :], _centers(tf.range(height))[:, None]
    from_x = cos * x, sin * y, cos * -middle_x + sin * -middle_y + middle_x
    from_y = -sin * x, cos * y, -sin * -middle_x + cos * -middle_y + middle_y
    return _look_up(image, from_x, from_y, (0, 1), cubic, fill)


def _float64(value: tf.Tensor | float) -> tf.Tensor:
    # tf.cast alone would take a Python number through float32.
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def _centers(index: tf.Tensor) -> tf.Tensor:
    return tf.cast(index, tf.float64) + 0.5


def _fifteen_decimals(value: tf.Tensor) -> tf.Tensor:
    return tf.round(value * 1e15) / 1e15


def _slide(
    image: tf.Tensor,
    offset: tf.Tensor,
    axis: int,
    cubic: tf.Tensor | bool,
    fill: Sequence[int],
) -> tf.Tensor:
    """Move along `axis` by an offset: one number, or one for each row or column."""
    size, none = tf.shape(image), tf.zeros([], tf.float64)
    y, x = _centers(tf.range(size[0]))[:, None], _centers(tf.range(size[1]))[None, :]
    from_y, from_x = ((y, offset, none), (x, none, none))
    if axis == 1:
        from_y, from_x = ((y, none, none), (x, offset, none))
    return _look_up(image, from_x, from_y, (axis,), cubic, fill)


def _look_up(
    image: tf.Tensor,
    from_x: Terms,
    from_y: Terms,
    axes: tuple[int, ...],
    cubic: tf.Tensor | bool,
    fill: Sequence[int],
) -> tf.Tensor:
    """The colours at the given places, interpolated along `axes`.

    Products are rounded before they get here, so that no compiler joins them with the sum.
    """
    pack, resample, unpack = (
        (_fused_pack, _fused_resample, _fused_unpack)
        if image.shape.is_fully_defined()
        else (_pack, _resample, _unpack)
    )
    packed = pack(image)
    resampled = tf.cond(
        tf.convert_to_tensor(cubic),
        lambda: resample(packed, from_x, from_y, axes, 4, tuple(fill)),
        lambda: resample(packed, from_x, from_y, axes, 2, tuple(fill)),
    )
    return tf.ensure_shape(unpack(resampled), image.shape)


def _pack(image: tf.Tensor) -> tf.Tensor:
    """A whole number a pixel, so that one read fetches it, with the edge repeated around."""
    channels = tf.cast(image, tf.int32)
    packed = channels[..., 0] + channels[..., 1] * 256 + channels[..., 2] * 65536
    packed = tf.concat([packed[:1]] * _EDGE + [packed] + [packed[-1:]] * _EDGE, 0)
    return tf.concat([packed[:, :1]] * _EDGE + [packed] + [packed[:, -1:]] * _EDGE, 1)


def _unpack(packed: tf.Tensor) -> tf.Tensor:
    shifted = tf.bitwise.right_shift(packed[..., None], [0, 8, 16])
    return tf.cast(tf.bitwise.bitwise_and(shifted, 255), tf.uint8)


def _resample(
    packed: tf.Tensor,
    from_x: Terms,
    from_y: Terms,
    axes: tuple[int, ...],
    taps: int,
    fill: tuple[int, ...],
) -> tf.Tensor:
    stride = tf.shape(packed)[1]
    size = [tf.cast(length - 2 * _EDGE, tf.float64) for length in tf.unstack(tf.shape(packed))]
    y, x = (first + second + third for first, second, third in (from_y, from_x))
    inside = (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
    top, left = tf.floor(y - 0.5), tf.floor(x - 0.5)
    distances = y - 0.5 - top, x - 0.5 - left
    corner = (tf.cast(top, tf.int32) + _EDGE) * stride + tf.cast(left, tf.int32) + _EDGE
    corner = tf.where(inside, corner, 0)
    pixels, near = tf.reshape(packed, [-1]), range(1 - taps // 2, 1 + taps // 2)
    rows, columns = (near if axis in axes else (0,) for axis in (0, 1))
    # Outside, the corner alone is in the picture; what is read beside it does not matter.
    last = tf.size(packed) - 1
    lines = [
        _blend(
            [
                _channels(
                    tf.gather(pixels, tf.clip_by_value(corner + (row * stride + column), 0, last))
                )
                for column in columns
            ],
            distances[1],
        )
        for row in rows
    ]
    result = fill[0] + fill[1] * 256 + fill[2] * 65536
    levels = [
        tf.cast(tf.clip_by_value(value, 0.0, 255.0), tf.int32)
        for value in _blend(lines, distances[0])
    ]
    return tf.where(inside, levels[0] + levels[1] * 256 + levels[2] * 65536, result)


def _channels(pixels: tf.Tensor) -> list[tf.Tensor]:
    parts = (tf.bitwise.right_shift(pixels, shift) for shift in (0, 8, 16))
    return [tf.cast(tf.bitwise.bitwise_and(part, 255), tf.float64) for part in parts]


def _blend(near: list[list[tf.Tensor]], distance: tf.Tensor) -> list[tf.Tensor]:
    """Interpolate between one, two or four neighbours, each of three channels."""
    if len(near) == 1:
        return near[0]
    interpolate = _linear if len(near) == 2 else _cubic
    return [interpolate(*neighbours, distance) for neighbours in zip(*near, strict=True)]


def _linear(left: tf.Tensor, right: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
    return left + _rounded((right - left) * distance)


def _cubic(
    before: tf.Tensor, left: tf.Tensor, right: tf.Tensor, after: tf.Tensor, distance: tf.Tensor
) -> tf.Tensor:
    # Horner's scheme: a flat neighbourhood must come out exactly, because the result is cut, not
    # rounded, and the smallest error below a whole number would cost a whole level.
    third = (left - before) + (after - right)
    second = (before - left) - third
    first = (right - before) + _rounded(distance * (second + _rounded(distance * third)))
    return left + _rounded(distance * first)


def _rounded(product: tf.Tensor) -> tf.Tensor:
    # Never below the limit: keeps XLA from joining the product with the sum after it into one
    # operation with one rounding, which Pillow's results do not have.
    return tf.maximum(product, -1e6)


# Three compiled passes: XLA would merge them into one that reads every pixel once a channel.
_fused_pack, _fused_resample, _fused_unpack = (
    tf.function(function, autograph=False, jit_compile=True)
    for function in (_pack, _resample, _unpack)
)
