"""Transformations of uniform variates to other distributions."""

import math
from typing import Any


def normal(ops: Any, first: Any, second: Any) -> Any:
    """Returns standard normal variates, each computed from two uniform variates.

    Args:
        ops: Namespace of a Keras backend, or `NUMPY`.
        first: Variates in [0, 1), floating point [...].
        second: Independent variates of the same shape and dtype.

    Returns:
        Variates of the same shape and dtype.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> normal(NUMPY, np.array([0.0, 0.5]), np.array([0.3, 0.5])).round(3).tolist()
        [-0.0, -1.177]

    References:
        Box and Muller, "A note on the generation of random normal deviates" (1958).
    """
    # The logarithm of 1 - first, which is never 0.
    radius = ops.numpy.sqrt(-2.0 * ops.numpy.log1p(-first))
    return radius * ops.numpy.cos(2 * math.pi * second)


def below(ops: Any, uniform: Any, count: int) -> Any:
    """Returns integers from 0 to `count - 1`, all equally likely.

    Args:
        ops: Namespace of a Keras backend, or `NUMPY`.
        uniform: Variates in [0, 1), floating point [...].
        count: Number of integers, at least 1.

    Returns:
        int32, the same shape.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> below(NUMPY, np.array([0.0, 0.5, 0.99]), 15).tolist()
        [0, 7, 14]
    """
    return ops.cast(ops.numpy.floor(uniform * count), "int32")


def between(uniform: Any, low: float, high: float) -> Any:
    """Returns variates that are uniform from `low` to `high`.

    Example:
        >>> between(0.5, 2.0, 4.0)
        3.0
    """
    return low + uniform * (high - low)


def log_between(ops: Any, uniform: Any, low: float, high: float) -> Any:
    """Returns variates from `low` to `high` whose logarithm is uniform.

    Example:
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> round(float(log_between(NUMPY, 0.5, 1.0, 4.0)), 6)
        2.0
    """
    return ops.numpy.exp(between(uniform, math.log(low), math.log(high)))


def cubic(ops: Any, uniform: Any, interpolation: str) -> Any:
    """Returns whether to interpolate bicubically.

    Args:
        ops: Namespace of a Keras backend, or `NUMPY`.
        uniform: Variates in [0, 1), floating point [...].
        interpolation: "bilinear", "bicubic", or "random" for one of the two with equal probability.

    Returns:
        bool, the same shape.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> cubic(NUMPY, np.array([0.2, 0.7]), "random").tolist()
        [True, False]
    """
    # Variates lie in [0, 1): all are less than 1, none is less than 0.
    return uniform < {"random": 0.5, "bicubic": 1.0, "bilinear": 0.0}[interpolation]
