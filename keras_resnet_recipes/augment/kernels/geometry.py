"""Affine maps of packed pixels with Pillow's arithmetic, byte for byte.

Pillow maps output pixels to the input: the output pixel (x, y) has its center at (x + 1/2, y + 1/2), and the map
(a, b, c, d, e, f) takes it to (a x + b y + c, d x + e y + f). Positions outside the image get the fill color;
inside, neighboring pixels are interpolated in double precision, with edge pixels repeated beyond the edge.
Results are truncated, not rounded. The bicubic kernel has a = -1, unlike the one of `resize`.

References:
    Pillow `src/libImaging/Geometry.c`; timm `data/auto_augment.py` for the maps.
"""

import math

import numpy as np
from numba import float64, int32, uint8

from keras_resnet_recipes.augment.kernels.compiled import kernel

Matrix = tuple[float, float, float, float, float, float]

_ONE = 1 << 16


def rotation(height: int, width: int, degrees: float) -> Matrix:
    """Returns the map that rotates an image counter-clockwise about its center.

    Example:
        >>> rotation(2, 4, 90.0)
        (0.0, -1.0, 3.0, 1.0, 0.0, -1.0)

    References:
        Pillow `Image.rotate`.
    """
    # In Python, because numba's sine and cosine differ in the last digit.
    turn = -math.radians(degrees % 360.0)
    cosine, sine = round(math.cos(turn), 15), round(math.sin(turn), 15)
    x, y = width / 2, height / 2
    return (
        cosine,
        sine,
        cosine * -x + sine * -y + x,
        -sine,
        cosine,
        -sine * -x + cosine * -y + y,
    )


def affine(pixels: np.ndarray, matrix: Matrix, cubic: bool, fill: int) -> np.ndarray:
    """Applies an affine map to an image, with interpolation.

    Args:
        pixels: Packed, uint32 [height, width].
        matrix: Map from the output to the input.
        cubic: Bicubic if true, bilinear if false.
        fill: Packed color of pixels from outside the image.

    Returns:
        Packed, uint32 [height, width].
    """
    result = np.empty_like(pixels)
    _affine(pixels, result, *map(float, matrix), cubic, np.uint32(fill))
    return result


def nearest(pixels: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Applies an affine map to an image, taking the nearest pixels; outside the image is black.

    Args:
        pixels: Packed, uint32 [height, width], each side less than 16384 pixels.
        matrix: Map from the output to the input.

    Returns:
        Packed, uint32 [height, width].
    """
    a, b, c, d, e, f = matrix
    steps = (a, b, c + a * 0.5 + b * 0.5, d, e, f + d * 0.5 + e * 0.5)
    result = np.empty_like(pixels)
    _nearest(pixels, result, *(math.floor(step * _ONE + 0.5) for step in steps))
    return result


@kernel
def _nearest(pixels, result, a, b, c, d, e, f):
    height, width = pixels.shape
    for y in range(height):
        for x in range(width):
            column, row = (c + a * x + b * y) >> 16, (f + d * x + e * y) >> 16
            inside = 0 <= column < width and 0 <= row < height
            result[y, x] = pixels[row, column] if inside else np.uint32(0)


@kernel
def _positions(slope, offset, last_term, positions):
    """Computes the input positions of a row along one axis: slope (x + 1/2) + offset + last term, in this order."""
    for x in range(positions.shape[0]):
        positions[x] = slope * (x + 0.5) + offset + last_term


@kernel
def _inside(xs, ys, height):
    """Returns the first output pixel of a row that maps into the image, and the one after the last."""
    width = xs.shape[0]
    first, last = 0, width
    while first < last and not (0.0 <= xs[first] < width and 0.0 <= ys[first] < height):
        first += 1
    while last > first and not (0.0 <= xs[last - 1] < width and 0.0 <= ys[last - 1] < height):
        last -= 1
    return first, last


@kernel
def _split(positions, first, last, corners, fractions):
    """Splits positions into integers and fractions; fractions are repeated for the four bytes of a pixel."""
    for i in range(last - first):
        position = positions[first + i] - 0.5
        corner = math.floor(position)
        corners[i] = corner
        fraction = position - corner
        fractions[4 * i] = fraction
        fractions[4 * i + 1] = fraction
        fractions[4 * i + 2] = fraction
        fractions[4 * i + 3] = fraction


@kernel
def _is_row(rows, columns, n):
    """Returns whether the positions are consecutive pixels of one row."""
    row, column, consecutive = rows[0], columns[0], True
    for i in range(n):
        consecutive = consecutive and rows[i] == row and columns[i] == column + i
    return consecutive


@kernel
def _between(one, two, d):
    return one + (two - one) * d


@kernel
def _among(one, two, three, four, d):
    square = 2 * (one - two) + three - four
    cube = -one + two - three + four
    return two + d * ((-one + three) + d * (square + d * cube))


@kernel
def _linear(p, q, d, out):
    for j in range(out.shape[0]):
        out[j] = _between(float64(p[j]), float64(q[j]), d[j])


@kernel
def _cubic(p, q, r, s, d, out):
    for j in range(out.shape[0]):
        out[j] = _among(float64(p[j]), float64(q[j]), float64(r[j]), float64(s[j]), d[j])


@kernel
def _linear_bytes(p, q, d, out):
    for j in range(out.shape[0]):
        out[j] = uint8(int32(_between(float64(p[j]), float64(q[j]), d[j])))


@kernel
def _cubic_bytes(p, q, r, s, d, out):
    for j in range(out.shape[0]):
        level = _among(float64(p[j]), float64(q[j]), float64(r[j]), float64(s[j]), d[j])
        out[j] = uint8(int32(min(max(level, 0.0), 255.0)))


@kernel
def _bytes_between(lines, taps, fractions, out):
    """Performs the last interpolation, truncated to bytes; with one tap it copies the line."""
    if taps == 1:
        for j in range(out.shape[0]):
            out[j] = uint8(int32(lines[0, j]))
    elif taps == 2:
        _linear_bytes(lines[0], lines[1], fractions, out)
    else:
        _cubic_bytes(lines[0], lines[1], lines[2], lines[3], fractions, out)


@kernel
def _copy_neighbors(pixels, row, column, n, down, across, lines):
    """Copies the neighbors of consecutive pixels: slices of rows, with the edges repeated."""
    height, width = pixels.shape
    for k in range(down):
        source = pixels[min(max(row + k - (down - 1) // 2, 0), height - 1)]
        for j in range(across):
            line, begin = lines[k * across + j], column + j - (across - 1) // 2
            for i in range(min(max(-begin, 0), n)):
                line[i] = source[0]
            for i in range(max(-begin, 0), min(n, width - begin)):
                line[i] = source[begin + i]
            for i in range(max(width - begin, 0), n):
                line[i] = source[width - 1]


@kernel
def _gather_neighbors(pixels, rows, columns, n, down, across, lines):
    """Gathers the neighbors of pixels at arbitrary positions."""
    height, width = pixels.shape
    flat, begins = pixels.reshape(-1), np.empty(n, np.int64)
    for k in range(down):
        below = k - (down - 1) // 2
        for i in range(n):
            begins[i] = min(max(rows[i] + below, 0), height - 1) * width
        for j in range(across):
            line, right = lines[k * across + j], j - (across - 1) // 2
            for i in range(n):
                line[i] = flat[begins[i] + min(max(columns[i] + right, 0), width - 1)]


@kernel
def _interpolate(values, levels, across, down, dx, dy, out):
    """Interpolates the bytes of the neighbors in `values`, first across and then down."""
    if down == 1:
        _bytes_between(values, across, dx, out)
    elif across == 1:
        _bytes_between(values, down, dy, out)
    else:
        for k in range(down):
            line = levels[k, : out.shape[0]]
            if across == 4:
                four = values[4 * k : 4 * k + 4]
                _cubic(four[0], four[1], four[2], four[3], dx, line)
            else:
                _linear(values[2 * k], values[2 * k + 1], dx, line)
        _bytes_between(levels, down, dy, out)


@kernel
def _affine(pixels, result, a, b, c, d, e, f, cubic, fill):
    height, width = pixels.shape
    taps = 4 if cubic else 2
    # Along an axis without motion there is nothing to interpolate.
    across = 1 if a == 1.0 and b == 0.0 and c == 0.0 else taps
    down = 1 if d == 0.0 and e == 1.0 and f == 0.0 else taps
    xs, ys = np.arange(width) + 0.5, np.empty(width, np.float64)
    columns, rows = np.arange(width), np.empty(width, np.int64)
    dx, dy = np.empty(4 * width, np.float64), np.empty(4 * width, np.float64)
    lines, levels = np.empty((16, width), np.uint32), np.empty((4, 4 * width), np.float64)
    out = result.view(np.uint8)
    for y in range(height):
        if across > 1:
            _positions(a, b * (y + 0.5), c, xs)
        if down > 1:
            _positions(d, e * (y + 0.5), f, ys)
        else:
            ys[:] = y + 0.5
        first, last = _inside(xs, ys, height)
        result[y, :first] = fill
        result[y, last:] = fill
        n = last - first
        if n == 0:
            continue
        if across > 1:
            _split(xs, first, last, columns, dx)
        else:
            columns[:n] = np.arange(first, last)
        if down > 1:
            _split(ys, first, last, rows, dy)
        else:
            rows[:n] = y
        if _is_row(rows, columns, n):
            _copy_neighbors(pixels, rows[0], columns[0], n, down, across, lines)
        else:
            _gather_neighbors(pixels, rows, columns, n, down, across, lines)
        here = out[y, 4 * first : 4 * last]
        _interpolate(lines.view(np.uint8), levels, across, down, dx, dy, here)
