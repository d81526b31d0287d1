"""Parameters of `Lighting`."""

from typing import Any

from keras_resnet_recipes.formulas.variates import normal

UNIFORMS = 6
"""Uniform variates per image."""

EIGENVALUES = (0.2175, 0.0188, 0.0045)
"""Of the covariance of ImageNet's colours on the scale 0..1, as AlexNet's successors use them."""

EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
"""Of red, green and blue (rows) for each of the eigenvalues (columns)."""


def drawn(ops: Any, uniform: Any, *, std: float) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        std: Standard deviation of the weights of the principal components.

    Returns:
        `color`, of the type of `uniform`, [n, 3]: what is added to red, green and blue, on the scale
        0..255.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> drawn(NUMPY, np.full((2, UNIFORMS), 0.5), std=0.1)["color"].round(1).tolist()
        [[3.2, 3.9, 4.1], [3.2, 3.9, 4.1]]
    """
    return {"color": principal_color(ops, std * normal(ops, uniform[:, :3], uniform[:, 3:]))}


def principal_color(ops: Any, weights: Any) -> Any:
    """The colour of given weights on the principal components.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        weights: Weights of the three components, floating point [..., 3].

    Returns:
        Red, green and blue, of the same shape and type, on the scale 0..255.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> principal_color(NUMPY, np.array([[1.0, 0.0, 0.0]])).round(1).tolist()
        [[-31.5, -32.2, -32.4]]
    """
    scaled = [weights[..., k] * value * 255.0 for k, value in enumerate(EIGENVALUES)]
    channels = [
        sum(part * factor for part, factor in zip(scaled, vector, strict=True))
        for vector in EIGENVECTORS
    ]
    return ops.numpy.stack(channels, axis=-1)
