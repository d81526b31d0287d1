"""TrivialAugment with wide ranges, as in torchvision."""

import functools
import math
from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row, operation_text
from keras_resnet_recipes.augment.variates import below
from keras_resnet_recipes.number import number

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
"""Operations in torchvision's order; a drawn operation is an index."""

BINS = 31
"""Number of magnitudes of torchvision's operations."""


class TrivialAugmentWide(PackedAugmentation):
    """Applies one random operation of random strength.

    The operation is one of fourteen, its magnitude one of 31 from zero to the largest, and its sign
    positive or negative, all with equal probability; there is nothing to tune. Operations shared with
    `RandAugment` have other ranges: shear up to 0.99, translation up to 32 pixels (truncated to
    integers), rotation up to 135 degrees, factors of 0.01..1.99, two to eight bits, and every
    threshold. Pixels from outside the image are black, and a positive translation moves an image to the
    right or down, not to the left or up as in timm.

    Args:
        interpolation: Interpolation of shear and rotation: "bilinear" as in torchvision's training
            recipe, or "nearest", the default of torchvision's class.

    Raises:
        ValueError: If `interpolation` is neither.

    Example:
        >>> TrivialAugmentWide()(np.zeros((32, 48, 3), np.uint8), np.random.default_rng(0)).shape
        (32, 48, 3)

    References:
        Müller and Hutter, "TrivialAugment" (arXiv:2103.10158); torchvision
        `transforms/autoaugment.py`, TrivialAugmentWide.
    """

    prefix: ClassVar[str] = "trivial_augment"
    uniforms: ClassVar[int] = 3

    interpolation: str = number(
        "bilinear",
        "TrivialAugment: interpolation of shear and rotation",
        choices=("bilinear", "nearest"),
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `operation`, int32 [n], an index in `OPERATIONS`, and `argument`, floating point [n]."""
        operation, magnitude, sign = (
            below(ops, uniform[:, k], count) for k, count in enumerate((len(OPERATIONS), BINS, 2))
        )
        table = ops.cast(ops.convert_to_tensor(_arguments()), uniform.dtype)
        index = (operation * BINS + magnitude) * 2 + sign
        return {"operation": operation, "argument": ops.numpy.take(table, index, axis=0)}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies the drawn operation to packed pixels.

        Example:
            >>> drawn = {"operation": 3, "argument": 1.0}
            >>> image = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
            >>> TrivialAugmentWide().apply(image, drawn)[0, :, 0].tolist()
            [0, 1]
        """
        name = OPERATIONS[drawn["operation"]]
        smooth = self.interpolation == "bilinear"
        return kernels.by_name.apply_torchvision(name, pixels, float(drawn["argument"]), smooth)

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the operation and its argument.

        Example:
            >>> TrivialAugmentWide().describe({"operation": 3, "argument": 1.0}, 8, 8)
            'translate_x 1'
        """
        return operation_text(OPERATIONS[drawn["operation"]], drawn["argument"])


def magnitude_argument(operation: str, magnitude: int, negative: bool = False) -> float:
    """Returns the argument of an operation at a given magnitude.

    Args:
        operation: One of `OPERATIONS`.
        magnitude: Integer, 0..30.
        negative: Whether the sign is negative; unused by operations without direction.

    Returns:
        Shear, pixels, degrees, factor, bits kept or threshold; 0 for operations without an argument.

    Example:
        >>> magnitude_argument("translate_x", 30), magnitude_argument("posterize", 30)
        (32.0, 2.0)

    References:
        torchvision `transforms/autoaugment.py`, `_augmentation_space` and `_apply_op`.
    """
    sign = -1 if negative else 1
    match operation:
        case "shear_x" | "shear_y":
            # To the angle and back, as in torchvision, for the same last bit.
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
    """Returns an element of `torch.linspace`, which counts from either end, rounding once.

    The rounding matters: the middle of 0..32 is the float below 16, which is truncated to 15.
    """
    step = float(np.float32((np.float32(last) - np.float32(first)) / np.float32(BINS - 1)))
    if index < BINS // 2:
        return float(np.float32(first + step * index))
    return float(np.float32(float(np.float32(last)) - step * (BINS - 1 - index)))


@functools.cache
def _arguments() -> np.ndarray:
    """Returns the argument of every operation, magnitude and sign, in this order: float64 [14 * 31 * 2]."""
    return np.array(
        [
            magnitude_argument(name, magnitude, negative)
            for name in OPERATIONS
            for magnitude in range(BINS)
            for negative in (False, True)
        ]
    )
