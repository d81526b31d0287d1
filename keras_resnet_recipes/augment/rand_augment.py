"""RandAugment, as the recipes of timm understand it."""

from typing import Any

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row, operation_text
from keras_resnet_recipes.augment.crop import INTERPOLATIONS
from keras_resnet_recipes.formulas import rand_augment
from keras_resnet_recipes.formulas.rand_augment import OPERATIONS
from keras_resnet_recipes.number import number


class RandAugment(PackedAugmentation):
    """Does a few random operations on the colours or the geometry of an image.

    Each of the `operations` rounds draws one of the fifteen operations, all equally likely and with
    replacement, skips it with probability 1 - `probability`, draws a level anew from a normal
    distribution limited to 0..10, and a sign. `rand-m7-mstd0.5-inc1` of timm is
    `RandAugment(magnitude=7.0, std=0.5)`.

    `keras.layers.RandAugment` differs: a strength in 0..1, other operations and ranges, and
    arithmetic that does not give Pillow's bytes.

    Args:
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level, at least 0.
        operations: Number of rounds, at least 1.
        probability: Of doing the operation drawn, 0..1.
        interpolation: Of rotation, shear and translation: "bilinear", "bicubic", or "random" for
            a fair coin in each round.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Cubuk et al., 'RandAugment' (arXiv 1909.13719); timm `data/auto_augment.py`.

    >>> image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    >>> RandAugment(magnitude=7.0, std=0.5)(image, np.random.default_rng(1)).shape
    (32, 48, 3)
    """

    magnitude: float = number(7.0, "RandAugment: mean level", minimum=0, maximum=10)
    std: float = number(0.5, "RandAugment: standard deviation of the level", minimum=0)
    operations: int = number(2, "RandAugment: operations drawn per image", minimum=1)
    probability: float = number(
        0.5, "RandAugment: probability of each drawn operation", minimum=0, maximum=1
    )
    interpolation: str = number(
        "random", "RandAugment: resampling of its geometry", choices=INTERPOLATIONS
    )

    @property
    def uniforms(self) -> int:
        """Uniform variates per image."""
        return rand_augment.UNIFORMS * self.operations

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`operation`, int32, `argument`, floating point, and `cubic`, bool, all [n, operations].

        An operation is a position in `OPERATIONS`, or its length for none.
        """
        return rand_augment.drawn(
            ops,
            uniform,
            magnitude=self.magnitude,
            std=self.std,
            operations=self.operations,
            probability=self.probability,
            interpolation=self.interpolation,
        )

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Does the drawn operations on packed pixels in turn."""
        rounds = zip(drawn["operation"], drawn["argument"], drawn["cubic"], strict=True)
        for operation, argument, cubic in rounds:
            if operation < len(OPERATIONS):
                name = OPERATIONS[operation]
                pixels = kernels.operations.apply(name, pixels, float(argument), bool(cubic))
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Names the operations, each with what it is called with.

        >>> drawn = {"operation": [3, 15], "argument": [-21.0, 0.0]}
        >>> RandAugment().describe(drawn, 8, 8)
        'rotate -21'
        """
        pairs = zip(drawn["operation"], drawn["argument"], strict=True)
        return "\n".join(
            operation_text(OPERATIONS[operation], argument)
            for operation, argument in pairs
            if operation < len(OPERATIONS)
        )
