"""Shear, translation and rotation of one image, identical to Pillow's affine transform.

Pillow looks from the output back into the input: the output pixel (x, y) has its centre at
(x + 1/2, y + 1/2), the inverse map gives the place in the input, places outside the picture get
the fill colour, and inside it the neighbours are interpolated, those beyond the edge being the edge
itself. Results are cut to whole numbers, not rounded (Pillow, `src/libImaging/Geometry.c`). Its
bicubic kernel has a = -1 here, unlike the one of `resize`.

Everything that is rounded in double precision by Pillow is rounded in double precision here.
"""

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

FILL = (124, 116, 104)
"""The mean colour of ImageNet on the scale 0..255, with which timm fills what moves into view."""


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
    rows = tf.range(tf.shape(image)[0])[:, None]
    return _slide(image, _float64(shear) * _centers(rows), 1, cubic, fill)


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
    columns = tf.repeat(tf.range(tf.shape(image)[1]), 3)[None, :]
    return _slide(image, _float64(shear) * _centers(columns), 0, cubic, fill)


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
    from_x = cos * x + sin * y + (cos * -middle_x + sin * -middle_y + middle_x)
    from_y = -sin * x + cos * y + (-sin * -middle_x + cos * -middle_y + middle_y)
    pixels = tf.cond(
        tf.convert_to_tensor(cubic),
        lambda: _look_up(image, from_x - 0.5, from_y - 0.5, _cubic, 4),
        lambda: _look_up(image, from_x - 0.5, from_y - 0.5, _linear, 2),
    )
    inside = _inside(from_x, width) & _inside(from_y, height)
    return _to_bytes(tf.where(inside[..., None], pixels, tf.constant(fill, tf.float64)), image)


def _float64(value: tf.Tensor | float) -> tf.Tensor:
    # tf.cast alone would take a Python number through float32.
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def _centers(index: tf.Tensor) -> tf.Tensor:
    return tf.cast(index, tf.float64) + 0.5


def _inside(place: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return (place >= 0) & (place < tf.cast(length, tf.float64))


def _fifteen_decimals(value: tf.Tensor) -> tf.Tensor:
    return tf.round(value * 1e15) / 1e15


def _linear(near: list[tf.Tensor], distance: tf.Tensor) -> tf.Tensor:
    left, right = near
    return left + (right - left) * distance


def _cubic(near: list[tf.Tensor], distance: tf.Tensor) -> tf.Tensor:
    before, left, right, after = near
    # Horner's scheme: a flat neighbourhood must come out exactly, because the result is cut, not
    # rounded, and the smallest error below a whole number would cost a whole level.
    third = (left - before) + (after - right)
    second = (before - left) - third
    return left + distance * ((right - before) + distance * (second + distance * third))


def _to_bytes(value: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    pixels = tf.cast(tf.clip_by_value(value, 0.0, 255.0), tf.uint8)
    return tf.ensure_shape(tf.reshape(pixels, tf.shape(image)), image.shape)


def _slide(
    image: tf.Tensor,
    offset: tf.Tensor,
    axis: int,
    cubic: tf.Tensor | bool,
    fill: Sequence[int],
) -> tf.Tensor:
    """Resample along `axis` at an offset: one number, or one for each row or folded column.

    The three channels are folded into the width: arithmetic on [height, 3 * width] is much faster
    than on [height, width, 3].
    """
    height, width = tf.unstack(tf.shape(image)[:2])
    length, index = (
        (height, tf.range(height)[:, None])
        if axis == 0
        else (width, tf.repeat(tf.range(width), 3)[None, :])
    )
    place = _centers(index) + offset
    distance = place - 0.5 - (tf.cast(index, tf.float64) + tf.floor(offset))
    pixels = _shift(image, tf.cast(tf.floor(offset), tf.int32), axis)

    def near(first: int, count: int) -> list[tf.Tensor]:
        taps = range(first, first + count)
        if axis == 0:
            slices = [pixels[k : k + length] for k in taps]
        else:
            slices = [pixels[:, 3 * k : 3 * (k + length)] for k in taps]
        return [tf.cast(neighbours, tf.float64) for neighbours in slices]

    resampled = tf.cond(
        tf.convert_to_tensor(cubic),
        lambda: _cubic(near(0, 4), distance),
        lambda: _linear(near(1, 2), distance),
    )
    color = tf.tile(tf.constant(fill, tf.float64), [width])
    return _to_bytes(tf.where(_inside(place, length), resampled, color), image)


def _shift(image: tf.Tensor, shift: tf.Tensor, axis: int) -> tf.Tensor:
    """The folded image moved by whole pixels, from one before each line's start to two past it."""
    height, width = tf.unstack(tf.shape(image)[:2])
    if axis == 0:
        if shift.shape.rank == 0:
            rows = tf.clip_by_value(tf.range(-1, height + 2) + shift, 0, height - 1)
            return tf.gather(tf.reshape(image, [height, 3 * width]), rows)
        source = tf.clip_by_value(tf.range(-1, height + 2)[:, None] + shift[:, ::3], 0, height - 1)
        pixels = tf.gather(tf.reshape(image, [-1, 3]), source * width + tf.range(width))
    else:
        source = tf.clip_by_value(tf.range(-1, width + 2) + shift, 0, width - 1)
        if shift.shape.rank == 0:
            pixels = tf.gather(image, source, axis=1)
        else:
            rows = tf.range(height)[:, None]
            pixels = tf.gather(tf.reshape(image, [-1, 3]), rows * width + source)
    return tf.reshape(pixels, [tf.shape(pixels)[0], 3 * tf.shape(pixels)[1]])


def _look_up(
    image: tf.Tensor,
    x: tf.Tensor,
    y: tf.Tensor,
    interpolate: Callable[[list[tf.Tensor], tf.Tensor], tf.Tensor],
    taps: int,
) -> tf.Tensor:
    """Interpolate between taps x taps neighbours of the places (x, y), float64 [height, width].

    In single precision: the places of a turned picture are hardly ever such that the result is a
    whole number but for rounding, which is what needs double precision elsewhere.
    """
    left, top = tf.floor(x), tf.floor(y)
    distance_x, distance_y = (
        tf.tile(tf.cast(distance, tf.float32)[..., None], [1, 1, 3])
        for distance in (x - left, y - top)
    )
    height, width = tf.unstack(tf.shape(image)[:2])
    row, column = tf.cast(top, tf.int32), tf.cast(left, tf.int32)
    read = _run_reader(image, tf.clip_by_value(column, -1, width - 1), taps)
    lines = []
    for tap in range(1 - taps // 2, 1 + taps // 2):
        runs = read(tf.clip_by_value(row + tap, 0, height - 1))
        near = [tf.cast(pixels, tf.float32) for pixels in tf.split(runs, taps, axis=-1)]
        lines.append(interpolate(near, distance_x))
    return tf.cast(interpolate(lines, distance_y), tf.float64)


def _run_reader(image: tf.Tensor, column: tf.Tensor, taps: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function from rows to the `taps` neighbouring pixels around `column`, [..., taps * 3].

    One gather fetches all of them. For that the image is laid down `taps` times, each copy cut
    into runs one pixel further on: run p starts in copy p % taps, at place p // taps.
    """
    width = tf.shape(image)[1]
    edge = taps // 2
    columns = tf.clip_by_value(tf.range(-edge, width + edge), 0, width - 1)
    flat = tf.reshape(tf.gather(image, columns, axis=1), [-1, 3])
    count = tf.shape(flat)[0] // taps + 1
    flat = tf.pad(flat, [[0, 2 * taps], [0, 0]])
    copies = [tf.reshape(flat[k : k + count * taps], [count, taps * 3]) for k in range(taps)]
    runs = tf.concat(copies, 0)

    def read(row: tf.Tensor) -> tf.Tensor:
        start = row * (width + 2 * edge) + column + 1
        return tf.gather(runs, start % taps * count + start // taps)

    return read
