"""Color, tone and sharpness operations on packed pixels, with Pillow's bytes.

Operations on single values use a table of 256 bytes per channel. Blending follows Pillow's `Blend.c`:
degenerate + factor * (image - degenerate) in single precision, clipped to 0..255 and truncated, not rounded.

Every operation takes pixels as uint32 [height, width], and either changes them in place and returns them, or
returns a new array.
"""

import numpy as np
from numba import float32, float64, int32, uint8, uint32

from keras_resnet_recipes.augment.kernels.compiled import kernel

_VALUES = np.arange(256)


def auto_contrast(pixels: np.ndarray) -> np.ndarray:
    """Stretches each channel so that its darkest value becomes 0 and its brightest 255.

    References:
        Pillow `ImageOps.autocontrast`.
    """
    low, high = _extremes(pixels).astype(np.float64)[..., None]
    flat = high <= low
    scale = np.where(flat, 1.0, 255.0 / np.where(flat, 1.0, high - low))
    offset = np.where(flat, 0.0, -low * scale)
    return look_up(pixels, _to_bytes(_VALUES * scale + offset))


def equalize(pixels: np.ndarray) -> np.ndarray:
    """Equalizes the histogram of each channel.

    References:
        Pillow `ImageOps.equalize`.
    """
    histogram = _histogram(pixels)
    brightest = 255 - np.argmax(histogram[:, ::-1] > 0, axis=1)
    step = (pixels.size - np.take_along_axis(histogram, brightest[:, None], 1)) // 255
    divisor = np.maximum(step, 1)
    below = np.cumsum(histogram, axis=1) - histogram
    table = np.minimum((divisor // 2 + below) // divisor, 255)
    return look_up(pixels, np.where(step > 0, table, _VALUES))


def invert(pixels: np.ndarray) -> np.ndarray:
    """Replaces every value v by 255 - v.

    References:
        Pillow `ImageOps.invert`.
    """
    return look_up(pixels, 255 - _VALUES)


def posterize(pixels: np.ndarray, bits: float) -> np.ndarray:
    """Keeps the highest bits, 0 to 8; with 0 the image is black, as with Pillow up to 12.

    References:
        Pillow `ImageOps.posterize`.
    """
    return look_up(pixels, _VALUES & (255 << (8 - min(max(int(bits), 0), 8))))


def solarize(pixels: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts all values from a threshold upwards, 0 (all) to 256 (none).

    References:
        Pillow `ImageOps.solarize`.
    """
    return look_up(pixels, np.where(threshold <= _VALUES, 255 - _VALUES, _VALUES))


def solarize_add(pixels: np.ndarray, addition: float) -> np.ndarray:
    """Adds 0 to 128 to the values below 128.

    References:
        timm `data/auto_augment.py`, `solarize_add`.
    """
    brighter = np.minimum(_VALUES + int(addition), 255)
    return look_up(pixels, np.where(_VALUES < 128, brighter, _VALUES))


def contrast(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Changes the contrast about the mean gray of the image.

    References:
        Pillow `ImageEnhance.Contrast`.
    """
    return look_up(pixels, _blended(int(_sum_of_grey(pixels) / pixels.size + 0.5), factor))


def brightness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies every value by a factor.

    References:
        Pillow `ImageEnhance.Brightness`.
    """
    return look_up(pixels, _blended(0, factor))


def add(pixels: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Adds integer levels, [3], to red, green and blue; the sums are clipped to 0..255."""
    return look_up(pixels, np.clip(_VALUES + levels[:, None], 0, 255))


def color(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Changes the saturation: 0 gives a gray image, 1 the image itself.

    References:
        Pillow `ImageEnhance.Color`.
    """
    _saturate(pixels, np.float32(factor))
    return pixels


def sharpness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Changes the sharpness; the outermost pixels are unchanged.

    References:
        Pillow `ImageEnhance.Sharpness`.
    """
    result = pixels.copy()
    _sharpen(pixels, result, np.float32(factor))
    return result


def look_up(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replaces every value by its entry in a table, [256] or [3, 256]."""
    _look_up(pixels, np.broadcast_to(table, (3, 256)).astype(np.uint8))
    return pixels


def _blended(degenerate: int, factor: float) -> np.ndarray:
    degenerate, values = np.float32(degenerate), _VALUES.astype(np.float32)
    return _to_bytes(degenerate + np.float32(factor) * (values - degenerate))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


@kernel
def _look_up(pixels, table):
    flat = pixels.reshape(-1)
    for i in range(flat.shape[0]):
        value = flat[i]
        flat[i] = (
            uint32(table[0, value & uint32(255)])
            | uint32(table[1, value >> uint32(8) & uint32(255)]) << uint32(8)
            | uint32(table[2, value >> uint32(16) & uint32(255)]) << uint32(16)
        )


@kernel
def _extremes(pixels):
    """Returns the smallest and the largest value of each channel, uint8 [2, 3]."""
    values = pixels.reshape(-1).view(np.uint8)
    # Sixteen pixels at a time, for vector instructions.
    low, high = np.full(64, 255, np.uint8), np.zeros(64, np.uint8)
    whole = values.shape[0] // 64 * 64
    for begin in range(0, whole, 64):
        part = values[begin : begin + 64]
        for j in range(64):
            low[j] = min(low[j], part[j])
            high[j] = max(high[j], part[j])
    for i in range(whole, values.shape[0]):
        low[i & 3] = min(low[i & 3], values[i])
        high[i & 3] = max(high[i & 3], values[i])
    result = np.empty((2, 3), np.uint8)
    for channel in range(3):
        result[0, channel] = low[channel::4].min()
        result[1, channel] = high[channel::4].max()
    return result


@kernel
def _histogram(pixels):
    """Returns the counts of each value, int64 [3, 256]."""
    values = pixels.reshape(-1).view(np.uint8)
    # Two alternating counters, so that equal neighboring pixels do not wait for each other.
    counts = np.zeros((2, 3, 256), np.int64)
    for i in range(pixels.size):
        for channel in range(3):
            counts[i & 1, channel, values[4 * i + channel]] += 1
    return counts[0] + counts[1]


@kernel
def _grey(red, green, blue):
    """Returns Pillow's luminance of int32 values."""
    sums = red * int32(19595) + green * int32(38470) + blue * int32(7471)
    return (sums + int32(32768)) >> int32(16)


@kernel
def _channels(value):
    red, green = value & uint32(255), value >> uint32(8) & uint32(255)
    return int32(red), int32(green), int32(value >> uint32(16) & uint32(255))


@kernel
def _packed(red, green, blue):
    return uint32(red) | uint32(green) << uint32(8) | uint32(blue) << uint32(16)


@kernel
def _sum_of_grey(pixels):
    flat, total = pixels.reshape(-1), 0
    for i in range(flat.shape[0]):
        red, green, blue = _channels(flat[i])
        total += _grey(red, green, blue)
    return total


@kernel
def _blend(degenerate, value, factor):
    change = factor * (float32(value) - degenerate)
    return int32(min(max(degenerate + change, float32(0)), float32(255)))


@kernel
def _saturate(pixels, factor):
    flat = pixels.reshape(-1)
    for i in range(flat.shape[0]):
        red, green, blue = _channels(flat[i])
        gray = float32(_grey(red, green, blue))
        flat[i] = _packed(
            _blend(gray, red, factor), _blend(gray, green, factor), _blend(gray, blue, factor)
        )


@kernel
def _sharpen(pixels, result, factor):
    height, width = pixels.shape
    source, out = pixels.view(np.uint8), result.view(np.uint8)
    n = 4 * (width - 2)
    for y in range(1, height - 1):
        above, here, below = source[y - 1], source[y], source[y + 1]
        line = out[y, 4 : 4 + n]
        for j in range(n):
            sides = int32(above[j]) + int32(above[j + 4]) + int32(above[j + 8])
            sides += int32(here[j]) + int32(here[j + 8])
            sides += int32(below[j]) + int32(below[j + 4]) + int32(below[j + 8])
            # The sum of the weights, 13, is odd: no quotient is close enough to a half to be rounded wrongly.
            smooth = (2 * (sides + 5 * int32(here[j + 4])) + 13) * int32(20165) >> int32(19)
            line[j] = uint8(_blend(float32(smooth), here[j + 4], factor))


def hue(pixels: np.ndarray, shift: float) -> np.ndarray:
    """Shifts the hue, by conversion to Pillow's HSV in bytes and back.

    The conversion alone changes most colors a little. Each step is rounded in single or double precision as
    in Pillow.

    Args:
        pixels: Packed, uint32 [height, width].
        shift: Fraction of a turn, -0.5..0.5; truncated to 255ths, of which 256 make a full turn.

    References:
        torchvision `transforms/_functional_pil.py`, `adjust_hue`; Pillow `Convert.c`.
    """
    _turn(pixels, int(shift * 255.0))
    return pixels


@kernel
def _turn(pixels, turns):
    flat = pixels.reshape(-1)
    for i in range(flat.shape[0]):
        red, green, blue = _channels(flat[i])
        value, low = max(red, green, blue), min(red, green, blue)
        angle, saturation = _hue_and_saturation(red, green, blue, value, low)
        flat[i] = _colored((angle + turns) & 255, saturation, value)


@kernel
def _hue_and_saturation(red, green, blue, value, low):
    if value == low:
        return 0, 0
    spread = float32(value - low)
    to_red = float64(float32(value - red) / spread)
    to_green = float64(float32(value - green) / spread)
    to_blue = float64(float32(value - blue) / spread)
    if red == value:
        sixths = to_blue - to_green
    elif green == value:
        sixths = 2.0 + to_red - to_blue
    else:
        sixths = 4.0 + to_green - to_red
    turn = float64(float32(sixths)) / 6.0 + 1.0
    turn = float64(float32(turn - np.floor(turn)))
    saturation = float64(spread / float32(value))
    return int(turn * 255.0), int(saturation * 255.0)


@kernel
def _colored(angle, saturation, value):
    sixths = angle * 6.0 / 255.0
    sector = np.floor(sixths)
    away, strength = float32(sixths - sector), float32(saturation) / float32(255)
    low = _weakened(value, float64(strength))
    falling = _weakened(value, float64(strength * away))
    rising = _weakened(value, float64(strength) * (1.0 - float64(away)))
    sector = int(sector) % 6
    if sector == 0:
        return _packed(value, rising, low)
    if sector == 1:
        return _packed(falling, value, low)
    if sector == 2:
        return _packed(low, value, rising)
    if sector == 3:
        return _packed(low, falling, value)
    if sector == 4:
        return _packed(rising, low, value)
    return _packed(value, low, falling)


@kernel
def _weakened(value, part):
    # C's `round`, because no value is negative here.
    return int32(np.floor(value * (1.0 - part) + 0.5))
