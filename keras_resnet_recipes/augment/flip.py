"""Random horizontal flip."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.number import number


class RandomFlip(PackedAugmentation):
    """Flips an image left to right with a given probability.

    `keras.layers.RandomFlip` keeps a generator as state; here it is an argument.

    Args:
        probability: Probability of flipping, 0..1.

    Raises:
        ValueError: If `probability` is outside 0..1.

    Example:
        >>> image = np.array([[[1, 1, 1], [2, 2, 2]]], np.uint8)
        >>> RandomFlip(probability=1.0)(image, np.random.default_rng(0))[0, :, 0].tolist()
        [2, 1]

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        section 4.1; timm `data/transforms_factory.py` (hflip 0.5).
    """

    prefix: ClassVar[str] = "flip"
    on_device: ClassVar[bool] = True

    probability: float = number(0.5, "probability of flipping an image", minimum=0, maximum=1)

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `flip`, bool [n], computed from one uniform variate per image."""
        return {"flip": uniform[:, 0] < self.probability}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Flips packed pixels, if so drawn."""
        if drawn["flip"]:
            kernels.boxes.mirror(pixels)
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes whether the image is flipped.

        Example:
            >>> RandomFlip().describe({"flip": True}, 8, 8)
            'mirrored'
        """
        return "mirrored" if drawn["flip"] else ""
