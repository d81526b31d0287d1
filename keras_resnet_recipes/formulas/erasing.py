"""Parameters of `RandomErasing`."""

from typing import Any

from keras_resnet_recipes.formulas.boxes import TRIES
from keras_resnet_recipes.formulas.variates import between, log_between

UNIFORMS = 2 * TRIES + 4
"""Uniform variates per image."""


def drawn(
    ops: Any,
    uniform: Any,
    *,
    probability: float,
    area: tuple[float, float],
    aspect: tuple[float, float],
) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        probability: Probability of erasing.
        area: Smallest and largest area as fractions of the image.
        aspect: Smallest and largest ratio of height to width.

    Returns:
        `erase`, bool [n]; of the type of `uniform`: `area`, [n, 10], fractions of the image;
        `aspect`, [n, 10]; `place`, [n, 2], top and left as fractions of the positions there are,
        all for `boxes.first_that_fits`; `noise`, [n], a uniform variate that may seed the noise.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> uniform = np.full((1, UNIFORMS), 0.5)
        >>> rows = drawn(NUMPY, uniform, probability=0.25, area=(0.02, 0.33), aspect=(0.3, 3.3))
        >>> bool(rows["erase"][0]), rows["area"][0, :2].tolist()
        (False, [0.175, 0.175])
    """
    return {
        "erase": uniform[:, 0] < probability,
        "area": between(uniform[:, 1 : 1 + TRIES], *area),
        "aspect": log_between(ops, uniform[:, 1 + TRIES : 1 + 2 * TRIES], *aspect),
        "place": uniform[:, 1 + 2 * TRIES : 3 + 2 * TRIES],
        "noise": uniform[:, 3 + 2 * TRIES],
    }
