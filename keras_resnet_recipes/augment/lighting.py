"""PCA color noise: noise along the principal components of ImageNet's colors."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.augment.variates import normal
from keras_resnet_recipes.number import number

EIGENVALUES = (0.2175, 0.0188, 0.0045)
"""Eigenvalues of the covariance of ImageNet's colors on the scale 0..1, as AlexNet's successors use them."""

EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
"""Eigenvectors: red, green and blue (rows) for each eigenvalue (columns)."""


class Lighting(PackedAugmentation):
    """Adds the same random color to all pixels of an image.

    The color is the sum over the three principal components k of a normal variate with standard
    deviation `std`, times eigenvalue k, times eigenvector k. On 0..255 with 0.1 its strength is 3.2
    levels per channel. The original adds it to floating point numbers; here it is rounded to integer
    levels, half to even, and the sums are clipped to 0..255.

    Args:
        std: Standard deviation, at least 0; the sources use 0.1.

    Raises:
        ValueError: If `std` is negative.

    Example:
        >>> Lighting()(np.zeros((32, 48, 3), np.uint8), np.random.default_rng(0)).shape
        (32, 48, 3)

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        section 4.1; fb.resnet.torch `datasets/imagenet.lua` and `transforms.lua`, Lighting.
    """

    uniforms: ClassVar[int] = 6

    std: float = number(0.1, "PCA color noise: standard deviation of its coefficients", minimum=0)

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `color`, floating point [n, 3]: the levels added to red, green and blue, on 0..255."""
        weights = self.std * normal(ops, uniform[:, :3], uniform[:, 3:])
        return {"color": principal_color(ops, weights)}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Adds the color to packed pixels."""
        return kernels.color.add(pixels, np.rint(drawn["color"]).astype(int))

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the levels added to red, green and blue.

        Example:
            >>> Lighting().describe({"color": [1.6, -9.0, 0.2]}, 8, 8)
            'RGB +2 -9 +0'
        """
        return " ".join(["RGB", *(f"{int(level):+d}" for level in np.rint(drawn["color"]))])


def principal_color(ops: Any, weights: Any) -> Any:
    """Returns the color with given weights of the principal components.

    Args:
        ops: Namespace of a Keras backend.
        weights: Weights of the three components, floating point [..., 3].

    Returns:
        Red, green and blue on the scale 0..255, of the same shape and dtype.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> principal_color(NUMPY, np.array([[1.0, 0.0, 0.0]])).round(1).tolist()
        [[-31.5, -32.2, -32.4]]
    """
    scaled = [weights[..., k] * value * 255.0 for k, value in enumerate(EIGENVALUES)]
    channels = [
        sum(part * factor for part, factor in zip(scaled, vector, strict=True))
        for vector in EIGENVECTORS
    ]
    return ops.numpy.stack(channels, axis=-1)
