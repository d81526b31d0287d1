"""RMSProp as in TensorFlow 1, with which EfficientNet and procedure B were trained."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from keras_resnet_recipes.optimizers.decayed_gradient import DecayedGradient


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RMSpropTF(DecayedGradient, keras.optimizers.RMSprop):
    """RMSProp whose average square starts at 1, its weight decay a part of the gradient.

    At every update, for each variable p with gradient g, average square s, which starts at 1, and
    velocity v, which starts at 0:

        g <- g + weight_decay p                        if p is decayed
        s <- rho s + (1 - rho) g²
        v <- momentum v + learning_rate g / sqrt(s + epsilon)
        p <- p - v

    `keras.optimizers.RMSprop` is the same (epsilon under the root, learning rate in the velocity)
    but for two things: its s starts at 0, which makes the first steps 1 / sqrt(1 - rho) of the
    learning rate long whatever the gradient, and its decay is beside the gradient. That of torch has
    epsilon outside the root, too.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        rho: Decay of the average square, in 0..1.
        momentum: In 0..1; 0 keeps no velocity.
        epsilon: Added to the average square, above 0.
        weight_decay: At least 0; None is 0.
        exclude_from_weight_decay: As in `SGD`, and so are the next four.
        weight_decay_factors: Factors on `weight_decay` by path.
        learning_rate_factors: Factors on the learning rate by path.
        adaptive_clip: Limit of a unit's gradient, as a factor of the unit's norm.
        exclude_from_adaptive_clip: Regular expressions for variables that are not clipped so.
        global_clipnorm: The largest norm of all gradients together, above 0; None does not clip.
        gradient_accumulation_steps: As in `keras.optimizers.Optimizer`.
        use_ema: As in `keras.optimizers.Optimizer`; `averages.MovingAverage` averages the
            statistics of the batch norm, too.
        ema_momentum: Decay of that average, in 0..1.
        ema_overwrite_frequency: After how many updates the average replaces the variables; None is
            at the end only.
        loss_scale_factor: A fixed factor on the loss, which is taken out of the gradients again.
        name: Name of the optimizer.

    Raises:
        ValueError: If a number is outside its range, patterns are a string, factors no mapping, or
            both ways to clip are given.

    Example:
        >>> from keras import ops
        >>> kernel = keras.Variable([[1.0]], name="kernel")
        >>> optimizer = RMSpropTF(learning_rate=0.1, momentum=0.0)
        >>> optimizer.apply([ops.convert_to_tensor([[2.0]])], [kernel])
        >>> print(kernel.numpy().round(4))  # 1 - 0.1 * 2 / sqrt(0.9 * 1 + 0.1 * 4 + 0.001)
        [[0.8247]]

    Source: `RMSpropTF` of timm (huggingface/pytorch-image-models), which follows TensorFlow 1.
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
        gradient_accumulation_steps: int | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        name: str = "rmsprop_tf",
    ) -> None:
        for argument, value in {"rho": rho, "momentum": momentum}.items():
            if not 0 <= value <= 1:
                raise ValueError(f"`{argument}` must be in 0..1. Received: {argument}={value!r}")
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be above 0. Received: epsilon={epsilon!r}")
        super().__init__(
            learning_rate=learning_rate,
            rho=rho,
            momentum=momentum,
            epsilon=epsilon,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
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
        """Makes the state as Keras does, the average squares of ones."""
        if name == "velocity":
            initializer = "ones"
        return super().add_optimizer_variables(trainable_variables, name, initializer)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable, its average square and its velocity."""
        gradient, learning_rate = self._prepared(gradient, variable, learning_rate)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal optimizer, without its state."""
        config = super().get_config()
        # Keras' RMSprop can subtract the mean, which this one does not.
        del config["centered"]
        return config
