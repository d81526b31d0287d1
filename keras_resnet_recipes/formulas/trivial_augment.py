"""Parameters of `TrivialAugmentWide`, and what torchvision calls an operation with."""

import functools
import math
from typing import Any

import numpy as np

from keras_resnet_recipes.formulas.variates import below

OPERATIONS = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "auto_contrast",
    "equalize",
)
"""The order of torchvision's; a drawn number counts in it."""

BINS = 31
"""How many magnitudes torchvision's operations have."""

UNIFORMS = 3
"""Uniform variates per image."""


def drawn(ops: Any, uniform: Any) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].

    Returns:
        `operation`, int32 [n]: index in `OPERATIONS`; `argument`, of the type of `uniform`, [n]: what
        it is called with, see `magnitude_argument`.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> rows = drawn(NUMPY, np.array([[0.22, 0.99, 0.7]]))
        >>> rows["operation"].tolist(), rows["argument"].tolist()
        ([3], [-32.0])
    """
    operation, magnitude, sign = (
        below(ops, uniform[:, k], count) for k, count in enumerate((len(OPERATIONS), BINS, 2))
    )
    table = ops.cast(ops.convert_to_tensor(_arguments()), uniform.dtype)
    index = (operation * BINS + magnitude) * 2 + sign
    return {"operation": operation, "argument": ops.numpy.take(table, index, axis=0)}


def magnitude_argument(operation: str, magnitude: int, negative: bool = False) -> float:
    """What an operation is called with at a given magnitude.

    Args:
        operation: One of `OPERATIONS`.
        magnitude: Whole number of 0..30.
        negative: Whether the sign is negative; ignored by operations without direction.

    Returns:
        Shear, pixels, degrees, factor, bits kept, threshold; 0 for operations without an argument.

    Example:
        >>> magnitude_argument("translate_x", 30), magnitude_argument("posterize", 30)
        (32.0, 2.0)

    References:
        torchvision `transforms/autoaugment.py`, `_augmentation_space` and `_apply_op`.
    """
    sign = -1 if negative else 1
    match operation:
        case "shear_x" | "shear_y":
            # There and back through the angle, as torchvision does, for the same last bit.
            angle = math.degrees(math.atan(sign * _linear(0.0, 0.99, magnitude)))
            return math.tan(math.radians(angle))
        case "translate_x" | "translate_y":
            return float(int(sign * _linear(0.0, 32.0, magnitude)))
        case "rotate":
            return sign * _linear(0.0, 135.0, magnitude)
        case "brightness" | "color" | "contrast" | "sharpness":
            return 1.0 + sign * _linear(0.0, 0.99, magnitude)
        case "posterize":
            return 8.0 - round(magnitude / ((BINS - 1) / 6))
        case "solarize":
            return _linear(255.0, 0.0, magnitude)
        case _:
            return 0.0


def _linear(first: float, last: float, index: int) -> float:
    """The numbers of `torch.linspace`: counted from either end, with one rounding each.

    It matters: the middle one of 0..32 is the number below 16, and 15 as a whole number.
    """
    step = float(np.float32((np.float32(last) - np.float32(first)) / np.float32(BINS - 1)))
    if index < BINS // 2:
        return float(np.float32(first + step * index))
    return float(np.float32(float(np.float32(last)) - step * (BINS - 1 - index)))


@functools.cache
def _arguments() -> np.ndarray:
    """Of every operation, magnitude and sign, in this order: float64 [14 * 31 * 2]."""
    return np.array(
        [
            magnitude_argument(name, magnitude, negative)
            for name in OPERATIONS
            for magnitude in range(BINS)
            for negative in (False, True)
        ]
    )
