"""Noise along the directions in which the colours of ImageNet vary."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.formulas import lighting
from keras_resnet_recipes.number import number


class Lighting(PackedAugmentation):
    """Adds the same random colour to all pixels of an image.

    The colour is the sum over the three principal components k of a normal variate of deviation
    `std`, times eigenvalue k, times eigenvector k. On 0..255 with 0.1 it is 3.2 levels strong per
    channel. The original adds it to floating point numbers; here it is rounded to whole levels, half
    to even, and the sums are limited to 0..255.

    Args:
        std: Standard deviation, at least 0; the sources use 0.1.

    Raises:
        ValueError: If it is negative.

    Source: Krizhevsky et al., 'ImageNet classification with deep convolutional neural networks',
    section 4.1; fb.resnet.torch `datasets/imagenet.lua` and `transforms.lua`, Lighting.

    >>> Lighting()(np.zeros((32, 48, 3), np.uint8), np.random.default_rng(0)).shape
    (32, 48, 3)
    """

    uniforms: ClassVar[int] = lighting.UNIFORMS

    std: float = number(0.1, "PCA colour noise: standard deviation of its coefficients", minimum=0)

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`color`, floating point [n, 3]: what is added to red, green and blue, on 0..255."""
        return lighting.drawn(ops, uniform, std=self.std)

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Adds the colour to packed pixels."""
        return kernels.color.add(pixels, np.rint(drawn["color"]).astype(int))

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Names the levels added to red, green and blue.

        >>> Lighting().describe({"color": [1.6, -9.0, 0.2]}, 8, 8)
        'RGB +2 -9 +0'
        """
        return " ".join(["RGB", *(f"{int(level):+d}" for level in np.rint(drawn["color"]))])
