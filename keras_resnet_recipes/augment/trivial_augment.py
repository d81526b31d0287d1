"""TrivialAugment with the wide ranges, as torchvision understands it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment import nearest
from keras_resnet_recipes.augment import operations as ops
from keras_resnet_recipes.augment.augmentation import (
    Augmentation,
    operation_text,
    split_seed,
)
from keras_resnet_recipes.augment.choice import Operation, choose
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
"""The order of torchvision's; a drawn number counts in it."""

BINS = 31
"""How many magnitudes torchvision's operations have."""

_BLACK = (0, 0, 0)


class TrivialAugmentWide(Augmentation):
    """One random operation of a random strength.

    The operation is one of fourteen, its magnitude one of 31 from nothing to the largest, its sign
    a fair coin, all equally likely; nothing is to be tuned. Where operations are those of
    `RandAugment` the ranges are not: shear up to 0.99, translation up to 32 pixels (cut to whole
    ones), rotation up to 135 degrees, factors of 0.01..1.99, two to eight bits, and every
    threshold. What moves into view is black, and a positive translation moves to the right or down,
    not to the left or up as with timm.

    Args:
        interpolation: Of shear and rotation: "bilinear" as in torchvision's training recipe, or
            "nearest", the default of torchvision's class.

    Raises:
        ValueError: If the interpolation is neither.

    Source: Müller and Hutter, 'TrivialAugment' (arXiv 2103.10158); torchvision
    `transforms/autoaugment.py`, TrivialAugmentWide.

    >>> TrivialAugmentWide()(tf.zeros([32, 48, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 48, 3])
    """

    prefix: ClassVar[str] = "trivial_augment"

    interpolation: str = number(
        "bilinear", "TrivialAugment: resampling of its geometry", choices=("bilinear", "nearest")
    )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `operation`, int32 [n]: place in `OPERATIONS`; `argument`, float64 [n]: what it is
            called with, see `magnitude_argument`.

        >>> sorted(TrivialAugmentWide().draw(256, seed=(0, 1)))
        ['argument', 'operation']
        """
        which, magnitude, sign = split_seed(seed, 3)
        operation = tf.random.stateless_uniform([n], which, 0, len(OPERATIONS), tf.int32)
        magnitude = tf.random.stateless_uniform([n], magnitude, 0, BINS, tf.int32)
        sign = tf.random.stateless_uniform([n], sign, 0, 2, tf.int32)
        argument = tf.gather_nd(_ARGUMENTS, tf.stack([operation, magnitude, sign], -1))
        return {"operation": operation, "argument": argument}

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Do the drawn operation.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [height, width, 3].

        >>> drawn = {"operation": tf.constant(3), "argument": tf.constant(1.0, tf.float64)}
        >>> image = tf.constant([[[1, 2, 3], [4, 5, 6]]], tf.uint8)
        >>> TrivialAugmentWide().apply(image, drawn)[0, :, 0].numpy().tolist()
        [0, 1]
        """
        operations = _OPERATIONS[self.interpolation]
        return choose(operations, drawn["operation"], image, drawn["argument"])

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """The operation with what it is called with; `magnitude_argument` has the units.

        >>> drawn = {"operation": tf.constant(3), "argument": tf.constant(1.0)}
        >>> TrivialAugmentWide().describe(drawn, 8, 8)
        'translate_x 1'
        """
        return operation_text(OPERATIONS[int(drawn["operation"])], drawn["argument"])


def magnitude_argument(operation: str, magnitude: int, negative: bool = False) -> float:
    """What an operation is called with at a given magnitude.

    Args:
        operation: One of `OPERATIONS`.
        magnitude: 0..30.
        negative: Whether the sign is drawn as negative; ignored by operations without direction.

    Returns:
        Shear, pixels, degrees, factor, bits kept, threshold; 0 for operations without an argument.

    Source: torchvision `transforms/autoaugment.py`, `_augmentation_space` and `_apply_op`.

    >>> magnitude_argument("translate_x", 30), magnitude_argument("posterize", 30)
    (32.0, 2.0)
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


def _linear(first: float, last: float, place: int) -> float:
    """The numbers of `torch.linspace`: counted from either end, with one rounding each.

    It matters: the middle one of 0..32 is the number below 16, and 15 as a whole number.
    """
    step = float(np.float32((np.float32(last) - np.float32(first)) / np.float32(BINS - 1)))
    if place < BINS // 2:
        return float(np.float32(first + step * place))
    return float(np.float32(float(np.float32(last)) - step * (BINS - 1 - place)))


def _translate_x(image: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    one, none = tf.ones_like(pixels), tf.zeros_like(pixels)
    return nearest.affine(image, (one, none, -pixels, none, one, none))


def _translate_y(image: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    one, none = tf.ones_like(pixels), tf.zeros_like(pixels)
    return nearest.affine(image, (one, none, none, none, one, -pixels))


def _nearest_shear_x(image: tf.Tensor, shear: tf.Tensor) -> tf.Tensor:
    one, none = tf.ones_like(shear), tf.zeros_like(shear)
    return nearest.affine(image, (one, shear, none, none, one, none))


def _nearest_shear_y(image: tf.Tensor, shear: tf.Tensor) -> tf.Tensor:
    one, none = tf.ones_like(shear), tf.zeros_like(shear)
    return nearest.affine(image, (one, none, none, shear, one, none))


_COMMON: dict[str, Operation] = {
    "identity": lambda image, argument: tf.identity(image),
    "translate_x": _translate_x,
    "translate_y": _translate_y,
    "brightness": ops.brightness,
    "color": ops.color,
    "contrast": ops.contrast,
    "sharpness": ops.sharpness,
    "posterize": ops.posterize,
    "solarize": ops.solarize,
    "auto_contrast": lambda image, argument: ops.auto_contrast(image),
    "equalize": lambda image, argument: ops.equalize(image),
}
_MOVING: dict[str, dict[str, Operation]] = {
    "bilinear": {
        "shear_x": lambda image, shear: ops.shear_x(image, shear, fill=_BLACK),
        "shear_y": lambda image, shear: ops.shear_y(image, shear, fill=_BLACK),
        "rotate": lambda image, degrees: ops.rotate(image, degrees, fill=_BLACK),
    },
    "nearest": {
        "shear_x": _nearest_shear_x,
        "shear_y": _nearest_shear_y,
        "rotate": lambda image, degrees: nearest.affine(image, nearest.rotation(image, degrees)),
    },
}
_OPERATIONS = {
    interpolation: [(_COMMON | moving)[name] for name in OPERATIONS]
    for interpolation, moving in _MOVING.items()
}
_ARGUMENTS = np.array(
    [
        [
            [magnitude_argument(name, place, negative) for negative in (False, True)]
            for place in range(BINS)
        ]
        for name in OPERATIONS
    ]
)
