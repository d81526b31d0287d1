"""Smooth activation of the later CIFAR-10 speed runs."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class CELU(keras.layers.Layer):
    """CELU activation: x where x is positive, else alpha (exp(x / alpha) - 1).

    `keras.activations.celu` is the same function, but not a layer, so a model could not be saved with
    its alpha; and on TensorFlow its gradient at 0 is 2 instead of 1.

    Args:
        alpha: Width of the rounded corner and depth of the floor, greater than 0; approaches ReLU as
            it approaches 0.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `alpha` is not positive.

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
            raise ValueError(f"`alpha` must be positive. Received: alpha={alpha!r}")
        self.alpha = float(alpha)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Returns the activations."""
        # exp of a large positive input would make the gradient NaN although `where` discards it.
        below = ops.where(inputs > 0, ops.zeros_like(inputs), inputs)
        return ops.where(inputs > 0, inputs, self.alpha * ops.expm1(below / self.alpha))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.alpha}
