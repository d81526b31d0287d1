"""Look-up operations on batches: a table of 256 values per image and channel, then one gather.

Images are int32 [n, height, width, 3], 0..255, tables int32 [n, 3, 256]. All arithmetic is in integers,
or one product and one sum in single precision as in Pillow: every byte equals Pillow's.
"""

import functools
import math
from typing import Any

import numpy as np


def look_up(ops: Any, images: Any, chosen: dict[str, Any], argument: Any) -> Any:
    """Applies to each image the look-up operation chosen for it.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3].
        chosen: For operations of `TABLES` by name, the images that they are applied to, bool [n]; images
            not chosen are returned unchanged.
        argument: Argument of the operation, float32 [n]; see `krr.augment.operations`.

    Returns:
        int32 [n, height, width, 3].
    """
    argument = argument[:, None, None]
    values = ops.numpy.arange(256, dtype="int32")[None, None, :]
    table = ops.numpy.broadcast_to(values, (ops.shape(images)[0], 3, 256))
    for name, which in chosen.items():
        changed = TABLES[name](ops, images, values, argument)
        table = ops.numpy.where(which[:, None, None], changed, table)
    return ops.numpy.take(ops.numpy.reshape(table, (-1,)), _bins(ops, images), axis=0)


def gray(ops: Any, images: Any) -> Any:
    """Returns Pillow's luminance of int32 [n, height, width, 3], as int32 [n, height, width]."""
    red, green, blue = (images[..., k] for k in range(3))
    sums = 19595 * red + 38470 * green + 7471 * blue + 32768
    return ops.numpy.right_shift(sums, 16)


def blend(ops: Any, degenerate: Any, images: Any, factor: Any) -> Any:
    """Returns Pillow's `Image.blend`: degenerate + factor * (image - degenerate), truncated to bytes.

    Args:
        ops: Namespace of a Keras backend.
        degenerate: Result for a factor of 0, int32.
        images: Result for a factor of 1, int32.
        factor: float32; the three arguments are broadcast.

    Returns:
        int32, 0..255.
    """
    change = factor * ops.cast(images - degenerate, "float32")
    # The limit is never reached; it keeps XLA from fusing the product with the following sum into one
    # operation with one rounding, unlike Pillow.
    change = ops.numpy.maximum(change, -1e6)
    levels = ops.numpy.clip(ops.cast(degenerate, "float32") + change, 0.0, 255.0)
    return ops.cast(levels, "int32")


def _bins(ops: Any, images: Any) -> Any:
    """Returns the index of each value in the concatenated tables of all images and channels."""
    first = ops.numpy.arange(ops.shape(images)[0], dtype="int32")[:, None, None, None] * 768
    return images + first + ops.numpy.arange(3, dtype="int32") * 256


def _auto_contrast(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    low = ops.numpy.min(images, axis=(1, 2))
    high = ops.numpy.max(images, axis=(1, 2))
    flat = (high <= low)[..., None]
    span = ops.numpy.maximum(high - low, 1)[..., None]
    level = ops.numpy.clip((values - low[..., None]) * 255 // span, 0, 255)
    of_span, short = (ops.convert_to_tensor(table) for table in _short_levels())
    row = ops.numpy.take(of_span, low * 256 + high, axis=0)[..., None]
    level = level - ops.numpy.take(short, row * 256 + level, axis=0)
    return ops.numpy.where(flat, values, level)


def _equalize(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    n, height, width, _ = ops.shape(images)
    bins = ops.numpy.reshape(_bins(ops, images), (-1,))
    counts = ops.math.segment_sum(ops.numpy.ones_like(bins), bins, n * 768)
    counts = ops.numpy.reshape(counts, (n, 3, 256))
    brightest = ops.numpy.max(images, axis=(1, 2))[..., None]
    none = ops.numpy.zeros_like(counts)
    last = ops.numpy.max(ops.numpy.where(values == brightest, counts, none), axis=-1)
    step = (height * width - last[..., None]) // 255
    below = ops.cast(ops.numpy.cumsum(counts, axis=-1), "int32") - counts
    divisor = ops.numpy.maximum(step, 1)
    level = ops.numpy.minimum((divisor // 2 + below) // divisor, 255)
    return ops.numpy.where(step > 0, level, values)


def _invert(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    return 255 - values


def _posterize(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    dropped = 8 - ops.cast(ops.numpy.clip(argument, 0.0, 8.0), "int32")
    return ops.numpy.left_shift(ops.numpy.right_shift(values, dropped), dropped)


def _solarize(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    return ops.numpy.where(ops.cast(values, "float32") >= argument, 255 - values, values)


def _solarize_add(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    brighter = values + ops.cast(argument, "int32")
    return ops.numpy.where(values < 128, ops.numpy.minimum(brighter, 255), values)


def _contrast(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    _, height, width, _ = ops.shape(images)
    total = ops.cast(ops.numpy.sum(gray(ops, images), axis=(1, 2)), "int32")[:, None, None]
    # Rounded half up, in integers.
    mean, rest = total // (height * width), total % (height * width)
    mean = mean + ops.cast(2 * rest >= height * width, "int32")
    return blend(ops, mean, values, argument)


def _brightness(ops: Any, images: Any, values: Any, argument: Any) -> Any:
    return blend(ops, ops.numpy.zeros_like(values), values, argument)


TABLES = {
    "auto_contrast": _auto_contrast,
    "equalize": _equalize,
    "invert": _invert,
    "posterize": _posterize,
    "solarize": _solarize,
    "solarize_add": _solarize_add,
    "contrast": _contrast,
    "brightness": _brightness,
}
"""Look-up operations by name."""


@functools.cache
def _short_levels() -> tuple[np.ndarray, np.ndarray]:
    """Finds where Pillow's autocontrast is one level below the exact quotient, if that is an integer.

    Pillow computes `value * scale - low * scale` in double precision, which falls below some integers;
    accelerators have no double precision.

    Returns:
        int32 [256 * 256], by lowest and highest value: a row of the second array;
        int32 [rows * 256], by row and exact level: 1 where Pillow's level is one less, else 0.
    """
    rows = {bytes(256): 0}
    of_span = np.zeros((256, 256), np.int32)
    for span in range(1, 256):
        # The values from `low` on whose level is an integer.
        steps = np.arange(0, span + 1, span // math.gcd(span, 255))
        low = np.arange(256 - span)[:, None]
        scale = 255.0 / span
        pillow = np.trunc((low + steps) * scale + -(low * scale))
        exact = steps * 255 // span
        short = np.zeros((len(low), 256), np.uint8)
        short[:, exact] = pillow < exact
        for first in range(256 - span):
            of_span[first, first + span] = rows.setdefault(short[first].tobytes(), len(rows))
    return of_span.ravel(), np.frombuffer(b"".join(rows), np.uint8).astype(np.int32)
