"""Parameters of `PadAndCrop`."""

from typing import Any

from keras_resnet_recipes.formulas.variates import below

UNIFORMS = 2
"""Uniform variates per image."""


def drawn(ops: Any, uniform: Any, *, padding: int) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        padding: Pixels added at each side.

    Returns:
        `corner`, int32 [n, 2]: top and left in the enlarged image, 0 to 2 * padding.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> drawn(NUMPY, np.array([[0.0, 0.99]]), padding=4)["corner"].tolist()
        [[0, 8]]
    """
    return {"corner": below(ops, uniform, 2 * padding + 1)}
