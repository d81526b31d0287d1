"""LARS: SGD whose steps are proportional to the norms of the weights."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.sgd import SGD


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Lars(SGD):
    """LARS for batches of thousands of images: SGD with a learning rate of its own for each kernel.

    At every update, for each variable p that is decayed, with gradient g and velocity v, which starts at 0:

        r  = trust_coefficient |p| / (|g| + weight_decay |p| + epsilon)      1 if |p| or |g| is 0
        v <- momentum v - learning_rate r (g + weight_decay p)
        p <- p + v

    |.| is the 2-norm of a whole variable. Variables that are excluded from the decay are not scaled either, r = 1:
    biases, and the scales and shifts of normalization layers (`exclude_from_decay`). With
    `learning_rate_in_velocity=False` the velocity is that of torch, as in timm.

    Keras has no LARS.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        momentum: In 0..1; with 0 there is no velocity.
        nesterov: Whether to use Nesterov momentum.
        weight_decay: At least 0; None means 0.
        trust_coefficient: Step of a kernel relative to its norm, at a learning rate of 1; above 0.
        epsilon: Added to the denominator, above 0.
        learning_rate_in_velocity: Whether the velocity includes the learning rate (MLPerf) or not (timm).
        exclude_from_weight_decay: Regular expressions; variables whose path contains a match, such as
            "fc/bias", are neither decayed nor scaled.
        weight_decay_factors: Mapping from regular expressions to factors on `weight_decay` for variables
            whose path contains a match; the first match counts.
        learning_rate_factors: The same for the learning rate.
        global_clipnorm: Largest norm of all gradients together, greater than 0; None means no clipping.
        name: Name of the optimizer.
        **options: The other arguments of `keras.optimizers.Optimizer`: `gradient_accumulation_steps`, `clipnorm`,
            `clipvalue`, `loss_scale_factor`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`. For an EMA
            `averages.MovingAverage` also averages the statistics of batch normalization.

    Raises:
        ValueError: If a number is out of range, patterns are a string, or factors are not a mapping.

    Example:
        >>> kernel = keras.Variable([[3.0, 4.0]], name="kernel")
        >>> optimizer = Lars(learning_rate=100.0, weight_decay=0.0)
        >>> optimizer.apply([ops.convert_to_tensor([[0.0, 0.2]])], [kernel])
        >>> print(kernel.numpy().round(3))  # moved by 100 * 0.001 * 5 in the direction of the gradient
        [[3.  3.5]]

    References:
        You et al., "Large Batch Training of Convolutional Networks" (arXiv:1708.03888); lars_optimizer.py of
        mlcommons/training (image_classification/tensorflow2); `timm.optim.Lars` for the velocity of torch.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 10.0,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float | None = 1e-4,
        trust_coefficient: float = 0.001,
        epsilon: float = 1e-7,
        learning_rate_in_velocity: bool = True,
        exclude_from_weight_decay: Sequence[str] = (),
        weight_decay_factors: Mapping[str, float] | None = None,
        learning_rate_factors: Mapping[str, float] | None = None,
        global_clipnorm: float | None = None,
        name: str = "lars",
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=momentum,
            nesterov=nesterov,
            weight_decay=weight_decay,
            learning_rate_in_velocity=learning_rate_in_velocity,
            exclude_from_weight_decay=exclude_from_weight_decay,
            weight_decay_factors=weight_decay_factors,
            learning_rate_factors=learning_rate_factors,
            global_clipnorm=global_clipnorm,
            name=name,
            **options,
        )
        for name, value in (("trust_coefficient", trust_coefficient), ("epsilon", epsilon)):
            if not value > 0:
                raise ValueError(f"`{name}` must be above 0. Received: {name}={value!r}")
        self.trust_coefficient, self.epsilon = trust_coefficient, epsilon

    def _prepared(self, gradient: Any, variable: Any, learning_rate: Any) -> tuple[Any, Any]:
        """Returns the decayed and scaled gradient, and the learning rate of the variable."""
        decayed, learning_rate = super()._prepared(gradient, variable, learning_rate)
        if not self._use_weight_decay(variable):
            return decayed, learning_rate
        value_norm, gradient_norm = _norm(variable), _norm(gradient)
        denominator = gradient_norm + self._decay_of(variable) * value_norm + self.epsilon
        both = ops.logical_and(value_norm > 0, gradient_norm > 0)
        ratio = ops.where(both, self.trust_coefficient * value_norm / denominator, 1.0)
        return decayed * ops.cast(ratio, decayed.dtype), learning_rate

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        config = super().get_config()
        # Arguments of the base class that this optimizer does not have.
        del config["adaptive_clip"], config["exclude_from_adaptive_clip"]
        return {
            **config,
            "trust_coefficient": self.trust_coefficient,
            "epsilon": self.epsilon,
        }


def _norm(value: Any) -> Any:
    """Returns the 2-norm of a tensor in float32, or float64: squares of float16 overflow."""
    if keras.backend.standardize_dtype(value.dtype) != "float64":
        value = ops.cast(value, "float32")
    return ops.sqrt(ops.sum(ops.square(value)))
