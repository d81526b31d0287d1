"""Random horizontal flip."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.number import number


class RandomFlip(PackedAugmentation):
    """Flips an image left to right with a given probability.

    With `alternating`, each image is drawn once, in the first epoch, and alternates in the following ones: in two
    consecutive epochs it occurs once as it is and once flipped. Data that is read in sequence has no such images.

    `keras.layers.RandomFlip` keeps a generator as state; here it is an argument.

    Args:
        probability: Probability of flipping, 0..1; with `alternating` in the first epoch.
        alternating: Whether an image that is flipped in one epoch is not flipped in the next, and conversely.

    Raises:
        ValueError: If `probability` is outside 0..1.

    Example:
        >>> image = np.array([[[1, 1, 1], [2, 2, 2]]], np.uint8)
        >>> RandomFlip(probability=1.0)(image, np.random.default_rng(0))[0, :, 0].tolist()
        [2, 1]

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        section 4.1; timm `data/transforms_factory.py` (hflip 0.5). Alternating: Jordan, "94% on CIFAR-10 in 3.29
        Seconds on a Single GPU" (arXiv:2404.00498), section 3.6.
    """

    prefix: ClassVar[str] = "flip"
    on_device: ClassVar[bool] = True

    probability: float = number(0.5, "probability of flipping an image", minimum=0, maximum=1)

    alternating: bool = number(False, "flipped in one epoch, not in the next, and so on", off=False)

    @property
    def per_image(self) -> bool:
        """Whether an image alternates."""
        return self.alternating

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `flip`, bool [n], computed from one uniform variate per image."""
        return {"flip": uniform[:, 0] < self.probability}

    def in_epoch(self, drawn: Mapping[str, Any], epoch: int) -> Mapping[str, Any]:
        """Returns the parameters of an epoch: those of the first one, in every second epoch reversed.

        Example:
            >>> [RandomFlip(alternating=True).in_epoch({"flip": True}, epoch)["flip"] for epoch in (0, 1, 2)]
            [True, False, True]
        """
        return {"flip": drawn["flip"] != bool(epoch % 2)}

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
