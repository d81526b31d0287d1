"""TrivialAugment with the wide ranges, as torchvision understands it."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row, operation_text
from keras_resnet_recipes.formulas import trivial_augment
from keras_resnet_recipes.formulas.trivial_augment import OPERATIONS
from keras_resnet_recipes.number import number


class TrivialAugmentWide(PackedAugmentation):
    """Does one random operation of a random strength.

    The operation is one of fourteen, its magnitude one of 31 from nothing to the largest, its sign
    a fair coin, all equally likely; nothing is to be tuned. Where operations are those of
    `RandAugment` the ranges are not: shear up to 0.99, translation up to 32 pixels (truncated to whole
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

    >>> TrivialAugmentWide()(np.zeros((32, 48, 3), np.uint8), np.random.default_rng(0)).shape
    (32, 48, 3)
    """

    prefix: ClassVar[str] = "trivial_augment"
    uniforms: ClassVar[int] = trivial_augment.UNIFORMS

    interpolation: str = number(
        "bilinear", "TrivialAugment: resampling of its geometry", choices=("bilinear", "nearest")
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`operation`, int32 [n], a position in `OPERATIONS`, and `argument`, floating point [n]."""
        return trivial_augment.drawn(ops, uniform)

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Does the drawn operation on packed pixels.

        >>> drawn = {"operation": 3, "argument": 1.0}
        >>> image = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
        >>> TrivialAugmentWide().apply(image, drawn)[0, :, 0].tolist()
        [0, 1]
        """
        name = OPERATIONS[drawn["operation"]]
        smooth = self.interpolation == "bilinear"
        return kernels.operations.apply_torchvision(name, pixels, float(drawn["argument"]), smooth)

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Names the operation with what it is called with.

        >>> TrivialAugmentWide().describe({"operation": 3, "argument": 1.0}, 8, 8)
        'translate_x 1'
        """
        return operation_text(OPERATIONS[drawn["operation"]], drawn["argument"])
