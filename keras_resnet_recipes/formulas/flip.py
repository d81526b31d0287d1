"""Parameters of `RandomFlip`."""

from typing import Any

UNIFORMS = 1
"""Uniform variates per image."""


def drawn(ops: Any, uniform: Any, *, probability: float) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        probability: Probability of mirroring an image.

    Returns:
        `flip`, bool [n].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> drawn(NUMPY, np.array([[0.2], [0.7]]), probability=0.5)["flip"].tolist()
        [True, False]
    """
    return {"flip": uniform[:, 0] < probability}
