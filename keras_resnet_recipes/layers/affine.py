"""Rotation, shear and translation of batches, as in Pillow's affine transform.

Pillow looks from the output back into the input: the output pixel (x, y) has its centre at
(x + 1/2, y + 1/2), the inverse map gives the position in the input, positions outside the image get
the fill colour, and inside it the neighbours are interpolated, those beyond the edge being the edge
itself. Results are cut to whole numbers, not rounded.

Pillow computes positions in double precision. Here they are whole numbers of 2**-17 pixels, int32,
and a rest of less than that: in single precision, a position in a large image would have too few
digits left, and one that falls exactly onto a pixel would get the pixel before it.
"""

import functools
import math
from typing import Any

import numpy as np

UNIT = 1 << 17
"""Whole numbers per pixel; images may have up to 4096 pixels a side."""
_HALF = UNIT // 2

MOVES = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def move(
    ops: Any,
    images: Any,
    moves: dict[str, Any],
    *,
    fill: tuple[int, int, int],
    cubic: Any = None,
    nearest: bool = False,
) -> Any:
    """Moves each image; one of `moves` at most is not 0 for an image.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        moves: By `MOVES`: degrees counter-clockwise, pixels per row or column, pixels; float32
            [n]. Positive shears and translations move an image to the left or up.
        fill: Colour of the pixels that come from outside the image, three of 0..255.
        cubic: Whether to interpolate bicubically, bool [n]; None is bilinear for all.
        nearest: Take the nearest pixel instead.

    Returns:
        int32 [n, height, width, 3].
    """
    _, height, width, _ = ops.shape(images)
    rows, columns = (ops.numpy.arange(count, dtype="int32") for count in (height, width))
    (x, rest_x), (y, rest_y) = positions(ops, rows, columns, (height, width), moves, nearest)
    inside = (x >= 0) & (x < width * UNIT) & (y >= 0) & (y < height * UNIT)
    pick = _picker(ops, images)
    if nearest:
        levels = pick(_pixel(ops, y), _pixel(ops, x))
    else:
        y, x = (y - _HALF, rest_y), (x - _HALF, rest_x)
        levels = _interpolated(ops, pick, y, x, cubic)
    fill = ops.convert_to_tensor(fill, "int32")
    return ops.numpy.where(inside[..., None], levels, fill)


def positions(
    ops: Any, rows: Any, columns: Any, size: tuple[Any, Any], moves: dict[str, Any], nearest: bool
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The positions that pixels come from.

    Args:
        ops: Namespace of a Keras backend.
        rows: Of the output, int32 [height].
        columns: Of the output, int32 [width].
        size: Height and width of the images.
        moves: As for `move`.
        nearest: Round as Pillow does without interpolation: the first position and both steps to
            2**-16 pixels, so that errors add up.

    Returns:
        Horizontal and vertical positions, each as whole numbers of `UNIT` per pixel, int32 [n, height,
        width], and as the rest, 0 to 1, float32 (what it is does not matter with `nearest`).
    """
    degrees = moves["rotate"]
    cosine, sine = _cosine_and_sine(ops, degrees)
    shear_x, shear_y, left, up = (
        _split(ops, moves[name] * scale)
        for name, scale in zip(MOVES[1:], (_HALF, _HALF, 1.0, 1.0), strict=True)
    )
    turned = ops.cast(degrees != 0, "int32")[:, None, None]
    middle = [turned * length for length in size]
    # Twice the distance from the middle, or from the corner: whole numbers.
    y = 2 * rows[None, :, None] + 1 - middle[0]
    x = 2 * columns[None, None, :] + 1 - middle[1]

    def along(by_x: Any, by_y: Any, offset: Any, origin: Any) -> tuple[Any, Any]:
        (of_x, of_y, pixels), (rest_x, rest_y, rest) = (
            [part[:, None, None] for part in parts]
            for parts in zip(by_x, by_y, offset, strict=True)
        )
        whole = origin * _HALF + of_x * x + of_y * y + pixels * UNIT
        at_x, at_y = (x[..., :1], y[:, :1]) if nearest else (x, y)
        rest_x = _rounded(ops, rest_x * _float(ops, at_x))
        rest_y = _rounded(ops, rest_y * _float(ops, at_y))
        rest = rest_x + rest_y + rest * UNIT
        steps = ops.numpy.floor(rest)
        moved = whole + ops.cast(steps, "int32")
        if nearest:
            first = 2 * ops.numpy.right_shift(moved[:, :1, :1] + 1, 1)
            moved = first + whole - whole[:, :1, :1]
        return moved, rest - steps

    across = [shear - part for shear, part in zip(shear_x, sine, strict=True)]
    down = [shear + part for shear, part in zip(shear_y, sine, strict=True)]
    return along(cosine, across, left, middle[1]), along(down, cosine, up, middle[0])


def _cosine_and_sine(ops: Any, degrees: Any) -> tuple[Any, Any]:
    """Each as whole numbers of 2**-16 and the rest in the same units, int32 and float32 [n].

    In single precision alone, a row would miss its pixels by a little where the angle is 90 degrees.
    """
    halves = ops.numpy.floor(degrees * 2.0 + 0.5)
    angle = (degrees - halves * 0.5) * (math.pi / 180)
    # Of an angle of at most a quarter degree: its cosine less 1, and its sine.
    square = angle * angle
    less = -0.5 * square
    ahead = angle - _rounded(ops, square * angle * (1 / 6))
    index = ops.cast(halves, "int32") % 720
    (cosine, sine), rests = (
        [ops.numpy.take(ops.convert_to_tensor(table), index, axis=0) for table in tables]
        for tables in _circle()
    )
    near = [_float(ops, whole) + rest for whole, rest in zip((cosine, sine), rests, strict=True)]

    def turned(rest: Any, along: Any, across: Any) -> Any:
        return rest + _rounded(ops, along * less) + _rounded(ops, across * ahead)

    return (cosine, turned(rests[0], near[0], -near[1])), (sine, turned(rests[1], near[1], near[0]))


@functools.cache
def _circle() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Cosine and sine of every half degree in units of 2**-16: whole numbers, and what is left."""
    angles = np.radians(np.arange(720) / 2)
    exact = [np.round(function(angles), 15) * _HALF for function in (np.cos, np.sin)]
    wholes = [np.floor(part + 0.5) for part in exact]
    rests = [part - whole for part, whole in zip(exact, wholes, strict=True)]
    return [x.astype(np.int32) for x in wholes], [x.astype(np.float32) for x in rests]


def _split(ops: Any, number: Any) -> tuple[Any, Any]:
    """The whole number next to a float, and what is left of it, -0.5 to 0.5."""
    number = _rounded(ops, number)
    whole = ops.numpy.floor(number + 0.5)
    return ops.cast(whole, "int32"), number - whole


def _rounded(ops: Any, product: Any) -> Any:
    """A product with a rounding of its own, by a limit that is never reached.

    XLA would join it with a sum after it into one operation with one rounding, in one place where the
    product is used and not in another, so that the row of a pixel and the distance from it would not
    be those of one position.
    """
    return ops.numpy.maximum(product, -1e9)


def _float(ops: Any, number: Any) -> Any:
    return ops.cast(number, "float32")


def _pixel(ops: Any, position: Any) -> Any:
    return ops.numpy.right_shift(position, 17)


def _picker(ops: Any, images: Any) -> Any:
    """A function from rows and columns to the colours there; beyond the edge is the edge itself."""
    n, height, width, _ = ops.shape(images)
    red, green, blue = (images[..., k] for k in range(3))
    # One read fetches a pixel.
    packed = ops.numpy.reshape(red + green * 256 + blue * 65536, (-1,))
    first = ops.numpy.arange(n, dtype="int32")[:, None, None] * (height * width)
    shifts = ops.convert_to_tensor([0, 8, 16], "int32")

    def pick(rows: Any, columns: Any) -> Any:
        rows = ops.numpy.minimum(ops.numpy.maximum(rows, 0), height - 1)
        columns = ops.numpy.minimum(ops.numpy.maximum(columns, 0), width - 1)
        pixels = ops.numpy.take(packed, first + rows * width + columns, axis=0)
        return ops.numpy.bitwise_and(ops.numpy.right_shift(pixels[..., None], shifts), 255)

    return pick


def _interpolated(ops: Any, pick: Any, y: Any, x: Any, cubic: Any) -> Any:
    """The colours at positions that count from the centre of the first pixel."""
    row, column = (_pixel(ops, whole) for whole, _ in (y, x))
    down, right = (
        ((_float(ops, ops.numpy.bitwise_and(whole, UNIT - 1)) + rest) / UNIT)[..., None]
        for whole, rest in (y, x)
    )
    steps = (0, 1) if cubic is None else (-1, 0, 1, 2)
    lines = []
    for step in steps:
        near = [ops.cast(pick(row + step, column + k), "float32") for k in steps]
        lines.append(_between(ops, near, right, cubic))
    levels = ops.numpy.clip(_between(ops, lines, down, cubic), 0.0, 255.0)
    return ops.cast(levels, "int32")


def _between(ops: Any, near: list[Any], distance: Any, cubic: Any) -> Any:
    """Pillow's cubic has a = -1. A flat neighbourhood must come out exactly, since results are cut."""
    if cubic is None:
        left, right = near
        return left + distance * (right - left)
    before, left, right, after = near
    third = (left - before) + (after - right)
    second = (before - left) - third
    slope = (right - before) + distance * (second + distance * third)
    slope = ops.numpy.where(cubic[:, None, None, None], slope, right - left)
    return left + distance * slope
