"""The smooth activation of the later speed runs on CIFAR-10."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class CELU(keras.layers.Layer):
    """x where x is positive, else alpha (exp(x / alpha) - 1): ReLU with a rounded corner.

    `keras.activations.celu` is the same function, but it is no layer, so that a model could not be
    saved with its alpha, and on TensorFlow its gradient at 0 is 2 where it should be 1.

    Args:
        alpha: Width of the rounding and depth of the floor, above 0; near 0 it is ReLU.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `alpha` is not above 0.

    Input shape:
        Any, floating point.

    Output shape:
        That of the input.

    Example:
        >>> from keras_resnet_recipes.layers import CELU
        >>> [round(float(x), 4) for x in CELU(0.5)(keras.ops.array([-9.0, -0.5, 0.0, 2.0]))]
        [-0.5, -0.3161, 0.0, 2.0]

    References:
        Barron, "Continuously Differentiable Exponential Linear Units" (arXiv:1704.07483).
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be above 0. Received: alpha={alpha!r}")
        self.alpha = float(alpha)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Returns the activations."""
        # exp of a large input, not taken, would still make the gradient NaN.
        below = ops.where(inputs > 0, ops.zeros_like(inputs), inputs)
        return ops.where(inputs > 0, inputs, self.alpha * ops.expm1(below / self.alpha))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.alpha}
