"""Adaptive gradient clipping: no step on a unit may be large beside the unit itself."""

from typing import Any

import keras
from keras import ops

# The smallest norm that a unit counts with, so that one that starts at 0 can move.
_SMALLEST_UNIT = 1e-3


def clip_adaptively(gradient: Any, variable: Any, factor: float) -> Any:
    """Limits the gradient of each unit of a variable to `factor` times the unit's norm.

    A unit is what makes one output: with w and g the parts of variable and gradient that belong to
    it, a g with |g| >= `factor` max(|w|, 0.001) is made that short. The last axis of a convolution
    kernel (height, width, inputs of a group, outputs) and of a dense one (inputs, outputs) counts
    units, in torch the first; a vector or a number is one unit. All 2-norms, in float32 at least.

    The output channels of a depthwise kernel of Keras are on its last two axes, and so are the
    rows of an attention's projections: these are not told apart and clipped in larger units.

    Keras clips one limit for all: `clipnorm`, `global_clipnorm`, `clipvalue`.

    Args:
        gradient: Of the variable, same shape.
        variable: Before the update.
        factor: Above 0; 0.01 in the paper for batches of 4096, larger ones for smaller batches.

    Returns:
        The gradient, clipped, of its own shape and dtype.

    Example:
        >>> kernel = ops.convert_to_tensor([[3.0, 0.0], [4.0, 1.0]])
        >>> gradient = ops.convert_to_tensor([[1.0, 0.05], [0.0, 0.0]])
        >>> print(ops.convert_to_numpy(clip_adaptively(gradient, kernel, 0.1)))
        [[0.5  0.05]
         [0.   0.  ]]

    Source: Brock et al., "High-Performance Large-Scale Image Recognition Without Normalization"
    (arXiv 2102.06171), equation 3; the values are those of `adaptive_clip_grad` in timm
    (huggingface/pytorch-image-models).
    """
    dtype = keras.backend.standardize_dtype(gradient.dtype)
    wide = "float64" if dtype == "float64" else "float32"
    gradient, value = ops.cast(gradient, wide), ops.cast(variable, wide)
    axes = tuple(range(len(variable.shape) - 1)) or None
    limit = factor * ops.maximum(_norms(value, axes), _SMALLEST_UNIT)
    norms = _norms(gradient, axes)
    # A norm of 0 is below every limit; 1 only keeps the quotient finite.
    ratio = ops.where(norms < limit, 1.0, limit / ops.where(norms > 0, norms, 1.0))
    return ops.cast(gradient * ops.cast(ratio, wide), dtype)


def _norms(value: Any, axes: tuple[int, ...] | None) -> Any:
    return ops.sqrt(ops.sum(ops.square(value), axis=axes, keepdims=True))
