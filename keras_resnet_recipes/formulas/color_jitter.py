"""Parameters of `ColorJitter`."""

from typing import Any

from keras_resnet_recipes.formulas.variates import between

OPERATIONS = ("brightness", "contrast", "saturation", "hue")
"""The order of torchvision's; a drawn number counts in it."""

UNIFORMS = 2 * len(OPERATIONS)
"""Uniform variates per image."""


def drawn(
    ops: Any, uniform: Any, *, brightness: float, contrast: float, saturation: float, hue: float
) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        brightness: Strength: the factor is from max(0, 1 - x) to 1 + x.
        contrast: Likewise.
        saturation: Likewise.
        hue: Largest shift in either direction, in turns.

    Returns:
        `order`, int32 [n, operations]: indices in `OPERATIONS` of those whose strength is not 0;
        `argument`, of the type of `uniform`, [n, 4]: the factors of brightness, contrast and
        saturation and the shift of the hue.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> uniform = np.array([[0.9, 0.0, 0.1, 0.0, 0.5, 0.5, 1.0, 0.5]])
        >>> rows = drawn(NUMPY, uniform, brightness=0.4, contrast=0.0, saturation=0.4, hue=0.0)
        >>> rows["order"].tolist(), rows["argument"].tolist()
        ([[2, 0]], [[1.0, 1.0, 1.4, 0.0]])
    """
    strengths = (brightness, contrast, saturation, hue)
    ranges = [*((max(0.0, 1 - x), 1.0 + x) for x in strengths[:3]), (-hue, hue)]
    argument = [between(uniform[:, 4 + k], *limits) for k, limits in enumerate(ranges)]
    used = [k for k, strength in enumerate(strengths) if strength]
    if not used:
        order = ops.cast(uniform[:, :0], "int32")
    else:
        # Ranks of independent numbers: every order is equally likely.
        keys = ops.numpy.stack([uniform[:, k] for k in used], axis=1)
        ranks = ops.numpy.argsort(keys, axis=1)
        order = ops.numpy.take(ops.convert_to_tensor(used, "int32"), ranks, axis=0)
    return {"order": order, "argument": ops.numpy.stack(argument, axis=1)}
