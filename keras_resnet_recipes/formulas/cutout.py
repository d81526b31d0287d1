"""Parameters of `Cutout`."""

from typing import Any

UNIFORMS = 2
"""Uniform variates per image."""


def drawn(ops: Any, uniform: Any) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].

    Returns:
        `place`, of the type of `uniform`, [n, 2]: top and left as fractions of the positions there
        are; `boxes.square` makes the square of it.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> drawn(NUMPY, np.array([[0.0, 0.5]]))["place"].tolist()
        [[0.0, 0.5]]
    """
    return {"place": uniform}
