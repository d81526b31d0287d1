"""SGD as the papers ran it: the decay in the gradient, the velocity of torch or of Caffe."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.decayed_gradient import DecayedGradient


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class SGD(DecayedGradient, keras.optimizers.SGD):
    """SGD with momentum, its weight decay a part of the gradient.

    At every update, for each variable p with gradient g and velocity v, which starts at 0:

        g <- g + weight_decay p                        if p is decayed
        torch (`learning_rate_in_velocity=False`):
            v <- momentum v + g
            p <- p - learning_rate (g + momentum v)    with nesterov; else p - learning_rate v
        Caffe, Page (`learning_rate_in_velocity=True`):
            v <- momentum v - learning_rate g
            p <- p + momentum v - learning_rate g      with nesterov; else p + v

    At a constant learning rate the two are the same. When it falls, the steps of torch fall at
    once, those of Caffe after the velocity has. Every trainable variable is decayed but those
    excluded; see `exclude_from_decay` for the papers' rules.

    `keras.optimizers.SGD` differs: its decay is beside the gradient and does not go through the
    velocity, so it is about 1 / (1 - momentum) times weaker; its velocity is that of Caffe, and it
    has neither factors nor adaptive clipping. `keras.optimizers.MultiOptimizer` can give groups of
    variables optimizers of their own, but no `keras.callbacks.LearningRateScheduler` works with it.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        momentum: In 0..1; 0 keeps no velocity.
        nesterov: Whether the step looks ahead.
        weight_decay: At least 0; None is 0.
        learning_rate_in_velocity: Which of the two forms.
        exclude_from_weight_decay: Regular expressions; a variable is not decayed if one is found
            in its path, such as "fc/kernel".
        weight_decay_factors: Regular expressions with the factor on `weight_decay` for variables in
            whose path they are found; the first found counts.
        learning_rate_factors: The same for the learning rate. Page's later networks train biases
            with `learning_rate_factors={"(bias|beta)$": 64.0}` and
            `weight_decay_factors={"(bias|beta)$": 1 / 64}`.
        adaptive_clip: Limits the gradient of each unit to this factor of the unit's norm, see
            `adaptive_clipping.clip_adaptively`; None does not.
        exclude_from_adaptive_clip: Regular expressions; the variables in whose path one is found
            are not clipped so. timm leaves out the classifier, such as "^fc/".
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
        >>> kernel = keras.Variable([[1.0, 2.0]], name="kernel")
        >>> optimizer = SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([ops.convert_to_tensor([[0.0, 1.0]])], [kernel])
        >>> print(kernel.numpy().round(4))
        [[0.8575 1.43  ]]

    Source: `torch.optim.SGD`; Jia et al., "Caffe" (arXiv 1408.5093), and davidcpage/cifar10-fast
    for the other form.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.1,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float | None = 0.0,
        learning_rate_in_velocity: bool = False,
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
        name: str = "sgd",
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=float(momentum),
            nesterov=nesterov,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )
        self.learning_rate_in_velocity = learning_rate_in_velocity
        self._keep_rules(
            exclude_from_weight_decay,
            weight_decay_factors,
            learning_rate_factors,
            adaptive_clip,
            exclude_from_adaptive_clip,
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable and its velocity."""
        gradient, learning_rate = self._prepared(gradient, variable, learning_rate)
        if self.learning_rate_in_velocity or not self.momentum:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        moved = self.momentum * ops.convert_to_tensor(velocity) + gradient
        self.assign(velocity, moved)
        direction = gradient + self.momentum * moved if self.nesterov else moved
        self.assign_sub(variable, learning_rate * direction)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal optimizer, without its state."""
        return {
            **super().get_config(),
            "learning_rate_in_velocity": self.learning_rate_in_velocity,
        }
