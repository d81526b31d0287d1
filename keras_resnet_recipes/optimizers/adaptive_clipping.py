"""Adaptive gradient clipping: limits each unit's gradient relative to the norm of the unit's weights."""

from typing import Any

import keras
from keras import ops

# Lower bound of a unit's norm, so that a unit initialized to 0 can be trained.
_SMALLEST_UNIT = 1e-3


def clip_adaptively(gradient: Any, variable: Any, factor: float) -> Any:
    """Clips the gradient of each unit of a variable to `factor` times the norm of the unit's weights.

    A unit is the part of a variable that computes one output. With w and g the unit's parts of variable
    and gradient, g is scaled to the norm `factor` max(|w|, 0.001) if it is at least as large. Units are
    on the last axis of a convolution kernel (height, width, inputs of a group, outputs) and of a dense
    kernel (inputs, outputs), in torch on the first; a vector or scalar is one unit. Norms are 2-norms,
    computed in float32 or float64.

    The outputs of Keras' depthwise kernels are on the last two axes, and so are the rows of attention
    projections: these are not distinguished, but clipped in larger units.

    Keras has only one limit for all units: `clipnorm`, `global_clipnorm`, `clipvalue`.

    Args:
        gradient: Gradient of the variable, of the same shape.
        variable: The variable before the update.
        factor: Greater than 0; in the paper 0.01 for batches of 4096, and larger for smaller batches.

    Returns:
        The clipped gradient, of the same shape and dtype.

    Example:
        >>> kernel = ops.convert_to_tensor([[3.0, 0.0], [4.0, 1.0]])
        >>> gradient = ops.convert_to_tensor([[1.0, 0.05], [0.0, 0.0]])
        >>> print(ops.convert_to_numpy(clip_adaptively(gradient, kernel, 0.1)))
        [[0.5  0.05]
         [0.   0.  ]]

    References:
        Brock et al., "High-Performance Large-Scale Image Recognition Without Normalization"
        (arXiv:2102.06171), equation 3; results equal those of `adaptive_clip_grad` in timm
        (huggingface/pytorch-image-models).
    """
    dtype = keras.backend.standardize_dtype(gradient.dtype)
    wide = "float64" if dtype == "float64" else "float32"
    gradient, value = ops.cast(gradient, wide), ops.cast(variable, wide)
    axes = tuple(range(len(variable.shape) - 1)) or None
    limit = factor * ops.maximum(_norms(value, axes), _SMALLEST_UNIT)
    norms = _norms(gradient, axes)
    # A norm of 0 is less than every limit; 1 only keeps the quotient finite.
    ratio = ops.where(norms < limit, 1.0, limit / ops.where(norms > 0, norms, 1.0))
    return ops.cast(gradient * ops.cast(ratio, wide), dtype)


def _norms(value: Any, axes: tuple[int, ...] | None) -> Any:
    return ops.sqrt(ops.sum(ops.square(value), axis=axes, keepdims=True))
