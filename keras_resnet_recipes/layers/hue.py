"""Hue shifts of batches: conversion to Pillow's HSV and back, with the same bytes.

Pillow's hue, saturation and value are bytes (`Convert.c`). Pillow computes them in single and double
precision; here they are quotients of integers. Tests compare the two for all colors.
"""

import functools
from typing import Any

import numpy as np

_SEXTANT = 85
"""A sixth of the color circle in half levels of the hue; 255 levels make the circle."""


def turn(ops: Any, images: Any, shift: Any) -> Any:
    """Shifts the hue of each image.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        shift: Fraction of a turn, float32 [n], -0.5..0.5; truncated to 255ths, of which 256 make a
            full turn. Even with 0 the conversion to HSV and back changes most colors a little.

    Returns:
        int32 [n, height, width, 3].
    """
    turns = ops.cast(shift * 255.0, "int32")[:, None, None]
    angle, saturation, value = _hue_saturation_value(ops, images)
    return _red_green_blue(ops, ops.numpy.bitwise_and(angle + turns, 255), saturation, value)


def _hue_saturation_value(ops: Any, images: Any) -> tuple[Any, Any, Any]:
    where = ops.numpy.where
    red, green, blue = (images[..., k] for k in range(3))
    value, low = ops.numpy.max(images, axis=-1), ops.numpy.min(images, axis=-1)
    spread = ops.numpy.maximum(value - low, 1)
    # Sixths of the circle, times the spread.
    of_green = where(green == value, 2 * spread + blue - red, 4 * spread + red - green)
    sixths = where(red == value, green - blue, of_green)
    sixths = where(sixths < 0, sixths + 6 * spread, sixths)
    product = 255 * sixths
    angle = product // (6 * spread)
    short = ops.numpy.take(ops.convert_to_tensor(_short_angles()), angle, axis=0)
    angle = angle - where(product == angle * 6 * spread, short, ops.numpy.zeros_like(short))
    saturation = 255 * spread // ops.numpy.maximum(value, 1)
    gray, none = value == low, ops.numpy.zeros_like(value)
    return where(gray, none, angle), where(gray, none, saturation), value


def _red_green_blue(ops: Any, angle: Any, saturation: Any, value: Any) -> Any:
    sector, away = 2 * angle // _SEXTANT, 2 * angle % _SEXTANT
    whole = 255 * _SEXTANT

    def weakened(part: Any) -> Any:
        # Rounded; `whole` is odd, so that there are no ties.
        return (2 * value * (whole - saturation * part) + whole) // (2 * whole)

    low, falling = weakened(_SEXTANT), weakened(away)
    rising = weakened(_SEXTANT - away)
    sector = sector % 6

    def pick(*of_sector: Any) -> Any:
        chosen = of_sector[0]
        for number, channel in enumerate(of_sector[1:], start=1):
            chosen = ops.numpy.where(sector == number, channel, chosen)
        return chosen

    red = pick(value, falling, low, low, rising, value)
    green = pick(rising, value, value, falling, low, low)
    blue = pick(low, low, rising, value, value, falling)
    return ops.numpy.stack([red, green, blue], axis=-1)


@functools.cache
def _short_angles() -> np.ndarray:
    """Returns for each integer hue 1 if Pillow's is one less than the exact hue, else 0; int32 [256].

    A hue is an integer for a spread of 85, or for fractions that reduce to it and have the same floats.
    """
    single, double = np.float32, np.float64
    part = np.arange(_SEXTANT + 1)
    fraction = (part.astype(single) / single(_SEXTANT)).astype(double)
    short = np.zeros(256, np.int32)
    # Around the circle, each sextant by the formula of the largest channel: `Convert.c`, rgb2hsv_row.
    sextants = [1 - fraction, 2 + fraction - 1, 3 - fraction, 4 + fraction - 1, 5 - fraction]
    sextants.append(fraction - 1)
    for number, sixths in enumerate(sextants):
        falls = number in (0, 2, 4)
        exact = (number * _SEXTANT + (_SEXTANT - part if falls else part)) // 2
        whole = (number * _SEXTANT + (_SEXTANT - part if falls else part)) % 2 == 0
        turned = np.fmod(sixths.astype(single).astype(double) / 6.0 + 1.0, 1.0).astype(single)
        pillow = (turned.astype(double) * 255.0).astype(np.int32)
        short[exact[whole & (pillow < exact) & (exact < 255)]] = 1
    return short
