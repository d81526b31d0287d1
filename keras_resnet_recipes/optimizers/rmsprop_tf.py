"""RMSProp as in TensorFlow 1, with which EfficientNet and procedure B were trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from keras_resnet_recipes.optimizers.decayed_gradient import DecayedGradient


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RMSpropTF(DecayedGradient, keras.optimizers.RMSprop):
    """RMSProp whose average of squares starts at 1, with weight decay in the gradient.

    At every update, for each variable p with gradient g, average of squares s, which starts at 1, and
    velocity v, which starts at 0:

        g <- g + weight_decay p                        if p is decayed
        s <- rho s + (1 - rho) g²
        v <- momentum v + learning_rate g / sqrt(s + epsilon)
        p <- p - v

    `keras.optimizers.RMSprop` is the same (epsilon inside the root, learning rate in the velocity)
    with two differences: its s starts at 0, so that the first steps have the length 1 / sqrt(1 - rho)
    times the learning rate for any gradient, and its decay is decoupled from the gradient. torch's also
    has epsilon outside the root.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        rho: Decay of the average of squares, in 0..1.
        momentum: In 0..1; with 0 there is no velocity.
        epsilon: Added to the average of squares, greater than 0.
        weight_decay: At least 0; None means 0.
        exclude_from_weight_decay: As in `SGD`, like the next four arguments.
        weight_decay_factors: Factors on `weight_decay` by path.
        learning_rate_factors: Factors on the learning rate by path.
        adaptive_clip: Limit of a unit's gradient, relative to the norm of the unit's weights.
        exclude_from_adaptive_clip: Regular expressions for variables without adaptive clipping.
        global_clipnorm: Largest norm of all gradients together, greater than 0; None means no clipping.
        name: Name of the optimizer.
        **options: The other arguments of `keras.optimizers.Optimizer`: `gradient_accumulation_steps`, `clipnorm`,
            `clipvalue`, `loss_scale_factor`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`. For an EMA
            `averages.MovingAverage` also averages the statistics of batch normalization.

    Raises:
        ValueError: If a number is out of range, patterns are a string, factors are not a mapping, or
            both `adaptive_clip` and `global_clipnorm` are set.

    Example:
        >>> from keras import ops
        >>> kernel = keras.Variable([[1.0]], name="kernel")
        >>> optimizer = RMSpropTF(learning_rate=0.1, momentum=0.0)
        >>> optimizer.apply([ops.convert_to_tensor([[2.0]])], [kernel])
        >>> print(kernel.numpy().round(4))  # 1 - 0.1 * 2 / sqrt(0.9 * 1 + 0.1 * 4 + 0.001)
        [[0.8247]]

    References:
        `RMSpropTF` of timm (huggingface/pytorch-image-models), which follows TensorFlow 1.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.01,
        rho: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-3,
        weight_decay: float | None = 0.0,
        exclude_from_weight_decay: Sequence[str] = (),
        weight_decay_factors: Mapping[str, float] | None = None,
        learning_rate_factors: Mapping[str, float] | None = None,
        adaptive_clip: float | None = None,
        exclude_from_adaptive_clip: Sequence[str] = (),
        global_clipnorm: float | None = None,
        name: str = "rmsprop_tf",
        **options: Any,
    ) -> None:
        for argument, value in {"rho": rho, "momentum": momentum}.items():
            if not 0 <= value <= 1:
                raise ValueError(f"`{argument}` must be in 0..1. Received: {argument}={value!r}")
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be positive. Received: epsilon={epsilon!r}")
        super().__init__(
            learning_rate=learning_rate,
            rho=rho,
            momentum=momentum,
            epsilon=epsilon,
            weight_decay=weight_decay,
            centered=False,
            global_clipnorm=global_clipnorm,
            name=name,
            **options,
        )
        self._keep_rules(
            exclude_from_weight_decay,
            weight_decay_factors,
            learning_rate_factors,
            adaptive_clip,
            exclude_from_adaptive_clip,
        )

    def add_optimizer_variables(
        self, trainable_variables: Any, name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Creates the state as Keras does, with averages of squares initialized to 1."""
        if name == "velocity":
            initializer = "ones"
        return super().add_optimizer_variables(trainable_variables, name, initializer)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable, its average of squares and its velocity."""
        gradient, learning_rate = self._prepared(gradient, variable, learning_rate)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        config = super().get_config()
        # An argument of Keras' class that this optimizer does not have.
        del config["centered"]
        return config
