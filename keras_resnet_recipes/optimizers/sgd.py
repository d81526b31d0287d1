"""SGD as in the papers: weight decay in the gradient, velocity of torch or of Caffe."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.decayed_gradient import DecayedGradient


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class SGD(DecayedGradient, keras.optimizers.SGD):
    """SGD with momentum and weight decay in the gradient.

    At every update, for each variable p with gradient g and velocity v, which starts at 0:

        g <- g + weight_decay p                        if p is decayed
        torch (`learning_rate_in_velocity=False`):
            v <- momentum v + g
            p <- p - learning_rate (g + momentum v)    with nesterov; else p - learning_rate v
        Caffe, Page (`learning_rate_in_velocity=True`):
            v <- momentum v - learning_rate g
            p <- p + momentum v - learning_rate g      with nesterov; else p + v

    At a constant learning rate the two are the same. When it decreases, the steps of torch decrease
    immediately, those of Caffe with the velocity. Every trainable variable is decayed except those
    excluded; see `exclude_from_decay` for the papers' rules.

    `keras.optimizers.SGD` differs: its decay is decoupled from the gradient and is not accumulated in the
    velocity, so it is about 1 / (1 - momentum) times weaker; its velocity is that of Caffe, and it
    has neither factors nor adaptive clipping. `keras.optimizers.MultiOptimizer` supports separate
    optimizers for groups of variables, but not `keras.callbacks.LearningRateScheduler`.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        momentum: In 0..1; with 0 there is no velocity.
        nesterov: Whether to use Nesterov momentum.
        weight_decay: At least 0; None means 0.
        learning_rate_in_velocity: Whether the velocity includes the learning rate (Caffe, Page) or not
            (torch).
        exclude_from_weight_decay: Regular expressions; variables whose path contains a match, such as
            "fc/kernel", are not decayed.
        weight_decay_factors: Mapping from regular expressions to factors on `weight_decay` for variables
            whose path contains a match; the first match counts.
        learning_rate_factors: The same for the learning rate. Page's later networks train biases
            with `learning_rate_factors={"(bias|beta)$": 64.0}` and
            `weight_decay_factors={"(bias|beta)$": 1 / 64}`.
        adaptive_clip: Limit of each unit's gradient, relative to the norm of the unit's weights; see
            `adaptive_clipping.clip_adaptively`. None means no adaptive clipping.
        exclude_from_adaptive_clip: Regular expressions; variables whose path contains a match are not
            clipped adaptively. timm excludes the classifier, such as "^fc/".
        global_clipnorm: Largest norm of all gradients together, greater than 0; None means no clipping.
        name: Name of the optimizer.
        **options: The other arguments of `keras.optimizers.Optimizer`: `gradient_accumulation_steps`, `clipnorm`,
            `clipvalue`, `loss_scale_factor`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`. For an EMA
            `averages.MovingAverage` also averages the statistics of batch normalization.

    Raises:
        ValueError: If a number is out of range, patterns are a string, factors are not a mapping, or
            both `adaptive_clip` and `global_clipnorm` are set.

    Example:
        >>> kernel = keras.Variable([[1.0, 2.0]], name="kernel")
        >>> optimizer = SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([ops.convert_to_tensor([[0.0, 1.0]])], [kernel])
        >>> print(kernel.numpy().round(4))
        [[0.8575 1.43  ]]

    References:
        `torch.optim.SGD`; Jia et al., "Caffe" (arXiv:1408.5093), and davidcpage/cifar10-fast for
        the other form.
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
        name: str = "sgd",
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=float(momentum),
            nesterov=nesterov,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            name=name,
            **options,
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
        """Returns the constructor's arguments, without the state."""
        return {
            **super().get_config(),
            "learning_rate_in_velocity": self.learning_rate_in_velocity,
        }
