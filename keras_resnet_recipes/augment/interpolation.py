"""Reading an image between its pixels: along one axis, or at any places.

Its bicubic kernel has a = -1, as that of Pillow's affine transform, unlike the one of `resize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_resnet_recipes.augment import lazy_tensorflow as tf

EDGE = 2
Terms = tuple[Any, Any, Any]
"""Three numbers to be added in this order, each broadcastable to [height, width]."""


def with_edges(image: tf.Tensor, axis: int) -> tf.Tensor:
    """The image with its first and last row or column repeated."""
    first, last = (image[:1], image[-1:]) if axis == 0 else (image[:, :1], image[:, -1:])
    return tf.concat([first] * EDGE + [image] + [last] * EDGE, axis)


def interpolate(
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
    width = columns if axis == 0 else columns - 2 * EDGE
    wide = (lambda values: values[:, None]) if axis == 0 else (lambda values: tf.repeat(values, 3))
    near = []
    for tap in range(1 - taps // 2, 1 + taps // 2):
        begin, end = tap + EDGE, tap - EDGE
        rows_of, columns_of = slice(begin, rows + end), slice(3 * begin, 3 * (columns + end))
        part = folded[rows_of] if axis == 0 else folded[:, columns_of]
        near.append(tf.cast(part, tf.float64))
    levels = (_linear if taps == 2 else _cubic)(*near, wide(distance))
    levels = tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)
    return tf.where(wide(inside), levels, tf.tile(tf.constant(fill, tf.uint8), [width]))


def look_up(
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
    return with_edges(with_edges(packed, 0), 1)


def _unpack(packed: tf.Tensor) -> tf.Tensor:
    shifted = tf.bitwise.right_shift(packed[..., None], [0, 8, 16])
    return tf.cast(tf.bitwise.bitwise_and(shifted, 255), tf.uint8)


def _corners(packed: tf.Tensor, from_x: Terms, from_y: Terms) -> tf.Tensor:
    """Where in `packed` the upper left neighbour of each place is; outside any will do."""
    rows, columns = tf.unstack(tf.shape(packed))
    y, x, inside = _places(rows - 2 * EDGE, columns - 2 * EDGE, from_x, from_y)
    top, left = (tf.cast(tf.floor(place - 0.5), tf.int32) + EDGE for place in (y, x))
    return tf.where(inside, top * columns + left, EDGE * columns + EDGE)


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
_FUSED = tuple(map(tf.compiled, (_pack, _corners, _fetch, _resample, _unpack)))


fused_interpolate = tf.compiled(interpolate)
