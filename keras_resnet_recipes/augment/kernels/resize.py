"""Resizing with Pillow's antialiased filters, byte for byte, of a box of an image to a window of the result.

Widths are resized first, to bytes, then heights, as in Pillow up to 12; Pillow 13 resizes heights first where
that is less work. Weights are integer multiples of 2**-22.

References:
    Pillow `src/libImaging/Resample.c`.
"""

import math

import numpy as np
from numba import int32, uint8

from keras_resnet_recipes.augment.kernels.compiled import kernel

Box = tuple[int, int, int, int]

_BITS = 22
_HALF = np.int32(1 << (_BITS - 1))
# Rows that are resized together, with their pixels interleaved for vector instructions.
_BLOCK = 32


def resize(
    pixels: np.ndarray,
    box: Box,
    size: tuple[int, int],
    cubic: bool,
    window: Box | None = None,
) -> np.ndarray:
    """Resizes a box of an image, and returns a window of the result.

    Args:
        pixels: Packed, uint32 [height, width]. `box` may extend beyond them, as long as they contain the pixels
            that the window depends on (see `span`).
        box: Top, left, height and width of the box, relative to `pixels`.
        size: Height and width of the box after resizing.
        cubic: Bicubic if true, bilinear if false.
        window: Top, left, height and width of the window in the resized box; all of it by default.

    Returns:
        Packed, uint32 [window height, window width].

    Example:
        >>> resize(np.array([[0, 4, 8, 12]], np.uint32), (0, 0, 1, 4), (1, 2), cubic=False).tolist()
        [[3, 9]]
    """
    window = (0, 0, *size) if window is None else window
    result = np.empty(window[2:], np.uint32)
    _resize(np.ascontiguousarray(pixels), *box, *size, cubic, *window, result)
    return result


@kernel
def span(count, length, cubic, first, outputs):
    """Returns the pixels of an axis that a window of the resized axis depends on.

    Args:
        count: Pixels of the axis.
        length: Pixels after resizing.
        cubic: Bicubic if true, bilinear if false.
        first: First pixel of the window.
        outputs: Pixels of the window.

    Returns:
        The first pixel, and the one after the last.

    Example:
        >>> span(100, 50, False, 10, 20)
        (19, 61)
    """
    scale = count / length
    reach = (2.0 if cubic else 1.0) * max(scale, 1.0)
    low = int((first + 0.5) * scale - reach + 0.5)
    high = int((first + outputs - 1 + 0.5) * scale + reach + 0.5)
    return max(low, 0), min(high, count)


@kernel
def _filter(x, cubic):
    x = abs(x)
    if not cubic:
        return 1.0 - x if x < 1.0 else 0.0
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    if x < 2.0:
        return (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5
    return 0.0


@kernel
def _weights(count, length, cubic, first, outputs):
    """Returns per output the first pixel, the number of pixels, and weights, zero-padded to a multiple of eight."""
    scale = count / length
    stretch = max(scale, 1.0)
    reach = (2.0 if cubic else 1.0) * stretch
    most = math.ceil(reach) * 2 + 1
    starts = np.empty(outputs, np.int64)
    counts = np.empty(outputs, np.int64)
    weights = np.zeros((outputs, (most + 7) // 8 * 8), np.int32)
    raw = np.empty(most, np.float64)
    for i in range(outputs):
        center = (first + i + 0.5) * scale
        low = max(int(center - reach + 0.5), 0)
        taps = min(int(center + reach + 0.5), count) - low
        total = 0.0
        for t in range(taps):
            raw[t] = _filter((t + low - center + 0.5) * (1.0 / stretch), cubic)
            total += raw[t]
        for t in range(taps):
            weight = raw[t] / total if total != 0.0 else raw[t]
            scaled = weight * (1 << _BITS)
            weights[i, t] = int(scaled - 0.5) if weight < 0 else int(scaled + 0.5)
        starts[i] = low
        counts[i] = taps
    return starts, counts, weights


@kernel
def _sum_of_4(rows, begin, n, w, out, to):
    p, q = rows[begin : begin + n], rows[begin + n : begin + 2 * n]
    r, s = rows[begin + 2 * n : begin + 3 * n], rows[begin + 3 * n : begin + 4 * n]
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    line = out[to : to + n]
    for j in range(n):
        total = _HALF + int32(p[j]) * w0 + int32(q[j]) * w1 + int32(r[j]) * w2 + int32(s[j]) * w3
        line[j] = uint8(min(max(total >> int32(_BITS), int32(0)), int32(255)))


@kernel
def _sum_of_8(rows, begin, n, w, out, to):
    p, q = rows[begin : begin + n], rows[begin + n : begin + 2 * n]
    r, s = rows[begin + 2 * n : begin + 3 * n], rows[begin + 3 * n : begin + 4 * n]
    t, u = rows[begin + 4 * n : begin + 5 * n], rows[begin + 5 * n : begin + 6 * n]
    v, x = rows[begin + 6 * n : begin + 7 * n], rows[begin + 7 * n : begin + 8 * n]
    w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
    line = out[to : to + n]
    for j in range(n):
        total = _HALF + int32(p[j]) * w0 + int32(q[j]) * w1 + int32(r[j]) * w2 + int32(s[j]) * w3
        total += int32(t[j]) * w4 + int32(u[j]) * w5 + int32(v[j]) * w6 + int32(x[j]) * w7
        line[j] = uint8(min(max(total >> int32(_BITS), int32(0)), int32(255)))


@kernel
def _sum_of_many(rows, begin, n, w, taps, total, out, to):
    for j in range(n):
        total[j] = _HALF
    for t in range(0, taps, 4):
        p = rows[begin + t * n : begin + (t + 1) * n]
        q = rows[begin + (t + 1) * n : begin + (t + 2) * n]
        r = rows[begin + (t + 2) * n : begin + (t + 3) * n]
        s = rows[begin + (t + 3) * n : begin + (t + 4) * n]
        w0, w1, w2, w3 = w[t], w[t + 1], w[t + 2], w[t + 3]
        for j in range(n):
            total[j] += int32(p[j]) * w0 + int32(q[j]) * w1 + int32(r[j]) * w2 + int32(s[j]) * w3
    line = out[to : to + n]
    for j in range(n):
        line[j] = uint8(min(max(total[j] >> int32(_BITS), int32(0)), int32(255)))


@kernel
def _weighted(rows, begin, n, starts, counts, weights, total, out):
    """Computes for each output the weighted sum of consecutive rows of n bytes, as bytes.

    Sums over four and eight rows read a few rows too many, with weights of zero.
    """
    for i in range(starts.shape[0]):
        first = (starts[i] - begin) * n
        if counts[i] <= 4:
            _sum_of_4(rows, first, n, weights[i], out, i * n)
        elif counts[i] <= 8:
            _sum_of_8(rows, first, n, weights[i], out, i * n)
        else:
            _sum_of_many(rows, first, n, weights[i], counts[i], total, out, i * n)


@kernel
def _resize_widths(pixels, top, left, rows, width, out_width, cubic, first, result):
    """Resizes `rows` rows from `top` along the width, to the window that begins at `first`."""
    outputs = result.shape[1]
    starts, counts, weights = _weights(width, out_width, cubic, first, outputs)
    begin, end = starts[0], starts[outputs - 1] + counts[outputs - 1]
    n = 4 * _BLOCK
    # At least seven more than needed, for sums over eight rows.
    columns = np.empty((end - begin + 8, _BLOCK), np.uint32)
    resized = np.empty((outputs, _BLOCK), np.uint32)
    flat, out = columns.view(np.uint8).reshape(-1), resized.view(np.uint8).reshape(-1)
    total = np.empty(n, np.int32)
    for y in range(0, rows, _BLOCK):
        block = min(_BLOCK, rows - y)
        for k in range(block):
            row = pixels[top + y + k, left + begin : left + end]
            for x in range(end - begin):
                columns[x, k] = row[x]
        _weighted(flat, begin, n, starts, counts, weights, total, out)
        for k in range(block):
            row = result[y + k]
            for i in range(outputs):
                row[i] = resized[i, k]


@kernel
def _resize(
    pixels, top, left, height, width, out_height, out_width, cubic, y0, x0, rows, columns, result
):
    starts, counts, weights = _weights(height, out_height, cubic, y0, rows)
    begin, end = starts[0], starts[rows - 1] + counts[rows - 1]
    if height == out_height:
        begin, end = y0, y0 + rows
    wide = result if height == out_height else np.empty((end - begin + 8, columns), np.uint32)
    if width == out_width:
        for y in range(end - begin):
            wide[y, :] = pixels[top + begin + y, left + x0 : left + x0 + columns]
    else:
        _resize_widths(
            pixels, top + begin, left, end - begin, width, out_width, cubic, x0, wide[: end - begin]
        )
    if height == out_height:
        return
    n = 4 * columns
    flat, out = wide.view(np.uint8).reshape(-1), result.view(np.uint8).reshape(-1)
    total = np.empty(n, np.int32)
    _weighted(flat, begin, n, starts, counts, weights, total, out)
