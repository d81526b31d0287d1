"""Parameters of `RandAugment`, and what timm calls an operation with at each level."""

from typing import Any

from keras_resnet_recipes.formulas.variates import below, cubic, normal

OPERATIONS = (
    "auto_contrast",
    "equalize",
    "invert",
    "rotate",
    "posterize",
    "solarize",
    "solarize_add",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""The order in which timm lists its "increasing" operations; a drawn number counts in it."""

UNIFORMS = 6
"""Uniform variates per image and round."""


def drawn(
    ops: Any,
    uniform: Any,
    *,
    magnitude: float,
    std: float,
    operations: int,
    probability: float,
    interpolation: str,
) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, operations * `UNIFORMS`].
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level.
        operations: Number of rounds.
        probability: Probability of each drawn operation.
        interpolation: "bilinear", "bicubic" or "random".

    Returns:
        `operation`, int32 [n, operations]: index in `OPERATIONS`, its length for none; `argument`, of
        the type of `uniform`, [n, operations]: see `level_argument`; `cubic`, bool [n, operations].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> arguments = dict(magnitude=7.0, std=0.0, operations=1, probability=0.5)
        >>> uniform = np.array([[0.2, 0.0, 0.5, 0.5, 0.7, 0.9], [0.2, 0.9, 0.5, 0.5, 0.7, 0.9]])
        >>> rows = drawn(NUMPY, uniform, **arguments, interpolation="random")
        >>> rows["operation"].tolist(), rows["argument"].tolist()
        ([[3], [15]], [[-21.0], [-21.0]])
    """
    uniform = ops.numpy.reshape(uniform, (-1, operations, UNIFORMS))
    operation = below(ops, uniform[..., 0], len(OPERATIONS))
    applied = uniform[..., 1] < probability
    level = magnitude + std * normal(ops, uniform[..., 2], uniform[..., 3])
    sign = ops.cast(uniform[..., 4] < 0.5, uniform.dtype) * 2.0 - 1.0
    none = ops.numpy.full_like(operation, len(OPERATIONS))
    return {
        "operation": ops.numpy.where(applied, operation, none),
        "argument": level_argument(ops, operation, ops.numpy.clip(level, 0.0, 10.0), sign),
        "cubic": cubic(ops, uniform[..., 5], interpolation),
    }


def level_argument(ops: Any, operation: Any, level: Any, sign: Any) -> Any:
    """What timm calls an operation with at a given level.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        operation: Index in `OPERATIONS`, int32 [...].
        level: Level of 0..10, floating point [...].
        sign: 1 or -1, of the same type, [...]; ignored by operations without direction.

    Returns:
        Of the type of `level`, [...]: degrees, bits kept, threshold, addition, factor, shear, or
        fraction of the width or height; 0 for operations without an argument.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> rotate = np.array(OPERATIONS.index("rotate"))
        >>> float(level_argument(NUMPY, rotate, np.array(7.0), np.array(-1.0)))
        -21.0

    References:
        timm `data/auto_augment.py`, the "increasing" level functions.
    """
    strength = level / 10.0
    factor = ops.numpy.maximum(1.0 + sign * (strength * 0.9), 0.1)
    shear = sign * strength * 0.3
    shift = sign * strength * 0.45
    arguments = {
        "rotate": sign * strength * 30.0,
        "posterize": 4.0 - ops.numpy.floor(strength * 4.0),
        "solarize": 256.0 - ops.numpy.minimum(ops.numpy.floor(strength * 256.0), 256.0),
        "solarize_add": ops.numpy.minimum(ops.numpy.floor(strength * 110.0), 128.0),
        "color": factor,
        "contrast": factor,
        "brightness": factor,
        "sharpness": factor,
        "shear_x": shear,
        "shear_y": shear,
        "translate_x": shift,
        "translate_y": shift,
    }
    argument = ops.numpy.zeros_like(level)
    for name, value in arguments.items():
        argument = ops.numpy.where(operation == OPERATIONS.index(name), value, argument)
    return argument
