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
    rolled = tf.roll(_with_edges(image, axis), -tf.cast(steps, tf.int32), axis)
    interpolate = _fused_interpolate if image.shape.is_fully_defined() else _interpolate
    moved = tf.cond(
        tf.convert_to_tensor(cubic),
        lambda: interpolate(rolled, distance, inside, axis, 4, tuple(fill)),
        lambda: interpolate(rolled, distance, inside, axis, 2, tuple(fill)),
    )
    return tf.ensure_shape(tf.reshape(moved, tf.shape(image)), image.shape)


def _with_edges(image: tf.Tensor, axis: int) -> tf.Tensor:
    """The image with its first and last row or column repeated."""
    first, last = (image[:1], image[-1:]) if axis == 0 else (image[:, :1], image[:, -1:])
    return tf.concat([first] * _EDGE + [image] + [last] * _EDGE, axis)


def _interpolate(
    rolled: tf.Tensor,
    distance: tf.Tensor,
    inside: tf.Tensor,
    axis: int,
    taps: int,
    fill: tuple[int, ...],
) -> tf.Tensor:
    """Between neighbours along an axis; rows of pixels are taken as rows of values."""
    rows, columns = tf.unstack(tf.shape(rolled)[:2])
    folded = tf.reshape(rolled, [rows, columns * 3])
    width = columns if axis == 0 else columns - 2 * _EDGE
    wide = (lambda values: values[:, None]) if axis == 0 else (lambda values: tf.repeat(values, 3))
    near = []
    for tap in range(1 - taps // 2, 1 + taps // 2):
        begin, end = tap + _EDGE, tap - _EDGE
        rows_of, columns_of = slice(begin, rows + end), slice(3 * begin, 3 * (columns + end))
        part = folded[rows_of] if axis == 0 else folded[:, columns_of]
        near.append(tf.cast(part, tf.float64))
    levels = (_linear if taps == 2 else _cubic)(*near, wide(distance))
    levels = tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)
    return tf.where(wide(inside), levels, tf.tile(tf.constant(fill, tf.uint8), [width]))


def _shear(
    image: tf.Tensor, offset: tf.Tensor, axis: int, cubic: tf.Tensor | bool, fill: Sequence[int]
) -> tf.Tensor:
    """Move along `axis` by an offset for each row or column."""
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
    image = tf.convert_to_tensor(image)
    passes = (_pack, _corners, _fetch, _resample, _unpack)
    if image.shape.is_fully_defined():
        passes = _FUSED
    pack, corners, fetch, resample, unpack = passes
    packed = pack(image)
    corner = corners(packed, from_x, from_y)

    def by(taps: int) -> tf.Tensor:
        pixels = fetch(packed, corner, axes, taps)
        return resample(pixels, from_x, from_y, axes, taps, tuple(fill))

    resampled = tf.cond(tf.convert_to_tensor(cubic), lambda: by(4), lambda: by(2))
    return tf.ensure_shape(unpack(resampled), image.shape)


def _pack(image: tf.Tensor) -> tf.Tensor:
    """A whole number a pixel, so that one read fetches it, with the edge repeated around."""
    channels = tf.cast(image, tf.int32)
    packed = channels[..., 0] + channels[..., 1] * 256 + channels[..., 2] * 65536
    return _with_edges(_with_edges(packed, 0), 1)


def _unpack(packed: tf.Tensor) -> tf.Tensor:
    shifted = tf.bitwise.right_shift(packed[..., None], [0, 8, 16])
    return tf.cast(tf.bitwise.bitwise_and(shifted, 255), tf.uint8)


def _corners(packed: tf.Tensor, from_x: Terms, from_y: Terms) -> tf.Tensor:
    """Where in `packed` the upper left neighbour of each place is; outside any will do."""
    rows, columns = tf.unstack(tf.shape(packed))
    y, x, inside = _places(rows - 2 * _EDGE, columns - 2 * _EDGE, from_x, from_y)
    top, left = (tf.cast(tf.floor(place - 0.5), tf.int32) + _EDGE for place in (y, x))
    return tf.where(inside, top * columns + left, _EDGE * columns + _EDGE)


def _fetch(packed: tf.Tensor, corner: tf.Tensor, axes: tuple[int, ...], taps: int) -> tf.Tensor:
    """The neighbours of each place: int32 [neighbours, height, width], row by row."""
    near = range(1 - taps // 2, 1 + taps // 2)
    rows, columns = (near if axis in axes else (0,) for axis in (0, 1))
    stride, pixels = tf.shape(packed)[1], tf.reshape(packed, [-1])
    return tf.stack(
        [tf.gather(pixels, corner + (row * stride + column)) for row in rows for column in columns]
    )


def _resample(
    pixels: tf.Tensor,
    from_x: Terms,
    from_y: Terms,
    axes: tuple[int, ...],
    taps: int,
    fill: tuple[int, ...],
) -> tf.Tensor:
    """Blend the neighbours: packed colours [height, width]."""
    _, height, width = tf.unstack(tf.shape(pixels))
    y, x, inside = _places(height, width, from_x, from_y)
    away_y, away_x = (place - 0.5 - tf.floor(place - 0.5) for place in (y, x))
    neighbours = [_channels(pixel) for pixel in tf.unstack(pixels)]
    columns = taps if 1 in axes else 1
    lines = [
        _blend(neighbours[start : start + columns], away_x)
        for start in range(0, len(neighbours), columns)
    ]
    levels = [
        tf.cast(tf.clip_by_value(value, 0.0, 255.0), tf.int32) for value in _blend(lines, away_y)
    ]
    colour = levels[0] + levels[1] * 256 + levels[2] * 65536
    return tf.where(inside, colour, fill[0] + fill[1] * 256 + fill[2] * 65536)


def _places(
    height: tf.Tensor, width: tf.Tensor, from_x: Terms, from_y: Terms
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Row, column, and whether that is inside the picture."""
    y, x = (first + second + third for first, second, third in (from_y, from_x))
    bottom, right = tf.cast(height, tf.float64), tf.cast(width, tf.float64)
    return y, x, (x >= 0) & (x < right) & (y >= 0) & (y < bottom)


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


# Compiled one by one: in a single pass XLA would work out every place once for each neighbour and
# read every pixel once a channel, and would not use vector instructions for the arithmetic.
_FUSED = tuple(
    tf.function(function, autograph=False, jit_compile=True)
    for function in (_pack, _corners, _fetch, _resample, _unpack)
)
_fused_interpolate = tf.function(_interpolate, autograph=False, jit_compile=True)
