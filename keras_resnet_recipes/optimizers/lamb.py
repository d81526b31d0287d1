"""LAMB, the optimizer of "ResNet strikes back"."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.moments import bias_correction, check_ranges
from keras_resnet_recipes.optimizers.paths import PathRules


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Lamb(PathRules, keras.optimizers.Lamb):
    """LAMB as in timm: Adam whose step for a kernel is scaled to the kernel's norm.

    At update t = 1, 2, …, with the gradients g of all variables clipped to a global norm of
    `global_clipnorm`, for each variable p with moving averages m and v, which start at 0:

        m <- beta_1 m + (1 - beta_1) g                v <- beta_2 v + (1 - beta_2) g²
        u  = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        u <- u + weight_decay p                       if p is decayed
        u <- u |p| / |u|                              if p is decayed, and both norms are positive
        p <- p - learning_rate u

    |.| is the 2-norm of a whole variable. Variables with two or more dimensions (convolution and dense
    kernels) are decayed; scales, biases and those in `exclude_from_weight_decay` have neither decay nor
    trust ratio |p| / |u|, so their update is Adam's. With `weight_decay` 0 or None it is Adam for every
    variable, unless `always_adapt` is set. A kernel whose gradients have all been 0 shrinks by the factor
    1 - `learning_rate`, for any decay.

    `keras.optimizers.Lamb` differs: it applies the trust ratio to every variable, excludes the decay
    from the ratio as AdamW does, does not clip by default, has a default epsilon of 1e-7, decays
    biases, too, and loses `exclude_from_weight_decay` when it is saved.

    On several replicas of `tf.distribute` Keras clips gradients before they are summed, which is
    wrong: pass the optimizer to `keras_resnet_recipes.distribution.repair_optimizer`.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        weight_decay: At least 0; None means 0.
        beta_1: Decay of the moving average of gradients, 0 <= beta_1 < 1.
        beta_2: Decay of the moving average of squared gradients, 0 <= beta_2 < 1.
        epsilon: Added to the root of the average of squares; greater than 0.
        global_clipnorm: Largest norm of all gradients together, greater than 0; None means no clipping.
        always_adapt: Whether to apply the trust ratio also to variables that are not decayed.
        trust_clip: Whether to limit the trust ratio to 1.
        decoupled_decay: Whether to multiply p by 1 - learning_rate weight_decay before its norm is
            computed, instead of adding the decay to u.
        gradient_averaging: Whether to add (1 - beta_1) g to m; False adds g.
        exclude_from_weight_decay: Regular expressions; variables whose path contains a match, such as
            "fc/kernel", are not decayed (the same on every backend; Keras searches the name, which is
            "kernel" or "fc/kernel" depending on the backend).
        weight_decay_factors: Mapping from regular expressions to factors on `weight_decay` for variables
            whose path contains a match; the first match counts.
        learning_rate_factors: The same for the learning rate.
        name: Name of the optimizer.
        **options: The other arguments of `keras.optimizers.Optimizer`: `gradient_accumulation_steps`, `clipnorm`,
            `clipvalue`, `loss_scale_factor`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`. For an EMA
            `averages.MovingAverage` also averages the statistics of batch normalization.

    Raises:
        ValueError: If a number is out of range, `exclude_from_weight_decay` is a string, or factors are
            not a mapping.

    Example:
        >>> kernel = keras.Variable([[3.0, 4.0]], name="kernel")
        >>> optimizer = Lamb(learning_rate=0.1, weight_decay=0.0, always_adapt=True)
        >>> optimizer.apply([ops.convert_to_tensor([[0.5, -0.5]])], [kernel])
        >>> print(kernel.numpy().round(3))
        [[2.646 4.354]]

    References:
        You et al., "Large Batch Optimization for Deep Learning" (arXiv:1904.00962), algorithm 2;
        details as in `Lamb` of timm (huggingface/pytorch-image-models), with which "ResNet strikes
        back" (arXiv:2110.00476) was trained.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.005,
        weight_decay: float | None = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        global_clipnorm: float | None = 1.0,
        always_adapt: bool = False,
        trust_clip: bool = False,
        decoupled_decay: bool = False,
        gradient_averaging: bool = True,
        exclude_from_weight_decay: Sequence[str] = (),
        weight_decay_factors: Mapping[str, float] | None = None,
        learning_rate_factors: Mapping[str, float] | None = None,
        name: str = "lamb",
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            global_clipnorm=global_clipnorm,
            name=name,
            **options,
        )
        self.always_adapt = always_adapt
        self.trust_clip = trust_clip
        self.decoupled_decay = decoupled_decay
        self.gradient_averaging = gradient_averaging
        self._keep_paths(exclude_from_weight_decay, weight_decay_factors, learning_rate_factors)
        check_ranges(self)

    def _use_weight_decay(self, variable: Any) -> bool:
        return len(variable.shape) > 1 and super()._use_weight_decay(variable)

    def _apply_weight_decay(self, variables: Any) -> None:
        """Does nothing: the decay is part of `update_step`."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one variable and its two moving averages."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, variable.dtype)
        learning_rate = self._rate_of(variable, learning_rate)
        step = ops.cast(self.iterations + 1, variable.dtype)

        change = (1 - self.beta_1) * (gradient - momentum)
        if not self.gradient_averaging:
            change = change + self.beta_1 * gradient
        self.assign_add(momentum, change)
        self.assign_add(velocity, (1 - self.beta_2) * (ops.square(gradient) - velocity))
        root = ops.sqrt(velocity / bias_correction(self.beta_2, step))
        update = momentum / bias_correction(self.beta_1, step) / (root + self.epsilon)

        value = ops.convert_to_tensor(variable)
        decay = self._decay_of(variable)
        if decay and self.decoupled_decay:
            value = value * (1 - learning_rate * decay)
        elif decay:
            update = update + decay * value
        if decay or self.always_adapt:
            learning_rate = learning_rate * self._trust_ratio(value, update)
        self.assign(variable, value - learning_rate * update)

    def _trust_ratio(self, value: Any, update: Any) -> Any:
        value_norm = ops.sqrt(ops.sum(ops.square(value)))
        update_norm = ops.sqrt(ops.sum(ops.square(update)))
        both = ops.logical_and(value_norm > 0, update_norm > 0)
        ratio = ops.where(both, value_norm / update_norm, ops.ones_like(value_norm))
        return ops.minimum(ratio, 1.0) if self.trust_clip else ratio

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        return {
            **super().get_config(),
            "always_adapt": self.always_adapt,
            "trust_clip": self.trust_clip,
            "decoupled_decay": self.decoupled_decay,
            "gradient_averaging": self.gradient_averaging,
        }
