"""Random changes of brightness, contrast, saturation and hue, in random order."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row, operation_text
from keras_resnet_recipes.augment.variates import between
from keras_resnet_recipes.number import number

OPERATIONS = ("brightness", "contrast", "saturation", "hue")
"""Operations in torchvision's order; a drawn operation is an index."""


class ColorJitter(PackedAugmentation):
    """Changes brightness, contrast, saturation and hue by random amounts, in random order.

    For a strength x a factor is drawn uniformly from max(0, 1 - x) to 1 + x; 0 disables the operation.
    Each operation gives the bytes of Pillow, which are integers 0..255 after each operation.

    The sources differ:

    - torchvision, and timm, which calls it: this, `ColorJitter(0.4, 0.4, 0.4)`.
    - fb.resnet.torch: `ColorJitter(0.4, 0.4, 0.4)`, but on floating point numbers that are neither
      rounded nor clipped, with the same gray.
    - GluonCV's script for "Bag of tricks": strengths of 0.4 for the same three, no hue.
    - The text of "Bag of tricks" (arXiv:1812.01187) scales hue, saturation and brightness by
      factors of 0.6..1.4, without defining the scaling of a hue; the authors' code does not have it.

    `keras.layers.RandomColorJitter` adds to the brightness instead, and works in floating point.

    Args:
        brightness: Strength, at least 0.
        contrast: Strength, at least 0.
        saturation: Strength, at least 0.
        hue: Largest fraction of a turn around the color circle in either direction, 0..0.5.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> image = np.zeros((32, 48, 3), np.uint8)
        >>> ColorJitter(0.4, 0.4, 0.4)(image, np.random.default_rng(0)).shape
        (32, 48, 3)

    References:
        torchvision `transforms/transforms.py`, ColorJitter; fb.resnet.torch
        `datasets/transforms.lua`.
    """

    uniforms: ClassVar[int] = 2 * len(OPERATIONS)

    brightness: float = number(
        0.0, "color jitter: brightness; 0.4 is a factor of 0.6 to 1.4", minimum=0
    )
    contrast: float = number(0.0, "color jitter: contrast, a factor as for brightness", minimum=0)
    saturation: float = number(
        0.0, "color jitter: saturation, a factor as for brightness", minimum=0
    )
    hue: float = number(0.0, "color jitter: largest hue shift, in turns", minimum=0, maximum=0.5)

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `order`, int32 [n, operations], and `argument`, floating point [n, 4].

        The order consists of indices in `OPERATIONS` of operations whose strength is not 0; the arguments
        are the factors of brightness, contrast and saturation and the hue shift in turns.
        """
        strengths = [getattr(self, name) for name in OPERATIONS]
        ranges = [*((max(0.0, 1 - x), 1.0 + x) for x in strengths[:3]), (-self.hue, self.hue)]
        argument = [between(uniform[:, 4 + k], *limits) for k, limits in enumerate(ranges)]
        used = [k for k, strength in enumerate(strengths) if strength]
        order = ops.cast(uniform[:, :0], "int32")
        if used:
            # The ranks of independent numbers give every order equal probability.
            keys = ops.numpy.stack([uniform[:, k] for k in used], axis=1)
            ranks = ops.numpy.argsort(keys, axis=1)
            order = ops.numpy.take(ops.convert_to_tensor(used, "int32"), ranks, axis=0)
        return {"order": order, "argument": ops.numpy.stack(argument, axis=1)}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies the operations to packed pixels in the order drawn."""
        color = kernels.color
        operations = (color.brightness, color.contrast, color.color, color.hue)
        for which in drawn["order"]:
            pixels = operations[which](pixels, float(drawn["argument"][which]))
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the operations in the order drawn, with factors, and the hue shift in turns.

        Example:
            >>> drawn = {"order": [1, 0], "argument": [0.7, 1.2, 1.0, 0.0]}
            >>> ColorJitter(0.4, 0.4).describe(drawn, 8, 8).splitlines()
            ['contrast 1.2', 'brightness 0.7']
        """
        return "\n".join(
            operation_text(OPERATIONS[which], drawn["argument"][which]) for which in drawn["order"]
        )
