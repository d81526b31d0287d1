"""Rotation, shear and translation of batches, as in Pillow's affine transform.

Pillow looks from the output back into the input: the output pixel (x, y) has its centre at
(x + 1/2, y + 1/2), the inverse map gives the position in the input, positions outside the image get
the fill colour, and inside it the neighbours are interpolated, those beyond the edge being the edge
itself. Results are cut to whole numbers, not rounded.

Pillow computes positions in double precision. Here they are whole numbers of 2**-17 pixels, int32:
in single precision, a position in a large image would have too few digits left, and one that falls
exactly onto a pixel would get the pixel before it.
"""

import math
from typing import Any

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
        moves: By some of `MOVES`: degrees counter-clockwise, pixels per row or column, pixels; float32
            [n]. Positive shears and translations move an image to the left or up.
        fill: Colour of the pixels that come from outside the image, three of 0..255.
        cubic: Whether to interpolate bicubically, bool [n]; None is bilinear for all.
        nearest: Take the nearest pixel instead.

    Returns:
        int32 [n, height, width, 3].
    """
    _, height, width, _ = ops.shape(images)
    rows, columns = (ops.numpy.arange(count, dtype="int32") for count in (height, width))
    x, y = rows_and_columns(ops, rows, columns, (height, width), moves, nearest)
    inside = (x >= 0) & (x < width * UNIT) & (y >= 0) & (y < height * UNIT)
    pick = _picker(ops, images)
    if nearest:
        levels = pick(_pixel(ops, y), _pixel(ops, x))
    else:
        levels = _interpolated(ops, pick, y - _HALF, x - _HALF, cubic)
    fill = ops.convert_to_tensor(fill, "int32")
    return ops.numpy.where(inside[..., None], levels, fill)


def rows_and_columns(
    ops: Any, rows: Any, columns: Any, size: tuple[Any, Any], moves: dict[str, Any], nearest: bool
) -> tuple[Any, Any]:
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
        Horizontal and vertical positions in whole numbers of `UNIT`, int32 [n, height, width].
    """
    degrees = moves["rotate"]
    none = ops.numpy.zeros_like(degrees)
    shear_x, shear_y, left, up = (moves.get(name, none) for name in MOVES[1:])
    cosine, sine = _cosine_and_sine(ops, degrees)
    turned = ops.cast(degrees != 0, "int32")[:, None, None]
    middle = [turned * length for length in size]
    # Twice the distance from the middle, or from the corner: whole numbers.
    y = 2 * rows[None, :, None] + 1 - middle[0]
    x = 2 * columns[None, None, :] + 1 - middle[1]

    def positions(by_x: Any, by_y: Any, offset: Any, origin: Any) -> Any:
        by_x, by_y, offset = (part[:, None, None] for part in (by_x, by_y, offset))
        (of_x, rest_x), (of_y, rest_y) = (_split(ops, by * _HALF) for by in (by_x, by_y))
        pixels, rest = _split(ops, offset)
        whole = origin * _HALF + of_x * x + of_y * y + pixels * UNIT
        if nearest:
            rest = rest_x * _float(ops, x[..., :1]) + rest_y * _float(ops, y[:, :1]) + rest * UNIT
            first = whole[:, :1, :1]
            start = first + ops.cast(ops.numpy.floor(rest), "int32")
            return whole - first + 2 * ops.numpy.right_shift(start + 1, 1)
        rest = rest_x * _float(ops, x) + rest_y * _float(ops, y) + rest * UNIT
        return whole + ops.cast(ops.numpy.floor(rest + 0.5), "int32")

    return (
        positions(cosine, shear_x - sine, left, middle[1]),
        positions(shear_y + sine, cosine, up, middle[0]),
    )


def _cosine_and_sine(ops: Any, degrees: Any) -> tuple[Any, Any]:
    """Those of multiples of 90 degrees are whole numbers, so that no pixel is missed by a little."""
    quarters = ops.numpy.round(degrees / 90.0)
    rest = (degrees - quarters * 90.0) * (math.pi / 180)
    cosine, sine = ops.numpy.cos(rest), ops.numpy.sin(rest)
    quarter = ops.numpy.bitwise_and(ops.cast(quarters, "int32"), 3)
    odd = ops.numpy.bitwise_and(quarter, 1) == 1
    cosine, sine = (
        ops.numpy.where(odd, sine, cosine),
        ops.numpy.where(odd, cosine, sine),
    )
    minus = ((quarter == 1) | (quarter == 2), quarter >= 2)
    return (
        ops.numpy.where(minus[0], -cosine, cosine),
        ops.numpy.where(minus[1], -sine, sine),
    )


def _split(ops: Any, number: Any) -> tuple[Any, Any]:
    """The whole number next to a float, and what is left of it, -0.5 to 0.5."""
    # A product without a rounding of its own, which XLA might make of the two, would not be whole.
    number = ops.numpy.maximum(number, -1e9)
    whole = ops.numpy.floor(number + 0.5)
    return ops.cast(whole, "int32"), number - whole


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
    row, column = _pixel(ops, y), _pixel(ops, x)
    down, right = (
        ops.cast(ops.numpy.bitwise_and(part, UNIT - 1), "float32")[..., None] / UNIT
        for part in (y, x)
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
