"""LAMB, the optimizer of 'ResNet strikes back'."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.moments import bias_correction, check_ranges
from keras_resnet_recipes.optimizers.paths import PathRules


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Lamb(PathRules, keras.optimizers.Lamb):
    """LAMB as timm trains it: Adam whose step on a kernel is as long as the kernel is large.

    At update t = 1, 2, … with gradients g of all variables together clipped to a norm of
    `global_clipnorm`, for each variable p with running averages m and v, all starting at 0:

        m <- beta_1 m + (1 - beta_1) g                v <- beta_2 v + (1 - beta_2) g²
        u  = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        u <- u + weight_decay p                       if p is decayed
        u <- u |p| / |u|                              if p is decayed, and both norms are above 0
        p <- p - learning_rate u

    |.| is the 2-norm of a whole variable. Decayed are the variables with two or more dimensions
    (convolution and dense kernels); scales, biases and those in `exclude_from_weight_decay` get
    neither decay nor trust ratio |p| / |u|, so for them this is Adam. With `weight_decay` 0 or None
    it is Adam for every variable, unless `always_adapt` is set. A kernel whose gradient is 0 so far
    shrinks by the factor 1 - `learning_rate`, whatever the decay.

    `keras.optimizers.Lamb` differs: it applies the trust ratio to every variable, takes the decay
    out of the ratio as AdamW does, does not clip unless told to, adds an epsilon of 1e-7, decays
    biases too and forgets `exclude_from_weight_decay` when it is saved.

    On several replicas of `tf.distribute` Keras clips before it sums the gradients, which is
    wrong: give the optimizer to `keras_resnet_recipes.distribution.repair_optimizer`.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        weight_decay: At least 0; None is 0.
        beta_1: Decay of the average of gradients, 0 <= beta_1 < 1.
        beta_2: Decay of the average of squared gradients, 0 <= beta_2 < 1.
        epsilon: Added to the root of the average square; above 0.
        global_clipnorm: The largest norm of all gradients together, above 0; None does not clip.
        always_adapt: Whether variables that are not decayed get the trust ratio, too.
        trust_clip: Whether the trust ratio is at most 1.
        decoupled_decay: Whether p shrinks by the factor 1 - learning_rate weight_decay before its
            norm is taken, and u is left alone.
        gradient_averaging: False adds g to m instead of (1 - beta_1) g.
        exclude_from_weight_decay: Regular expressions; a variable is not decayed if one is found
            in its path, such as "fc/kernel" (on every backend, where Keras searches the name,
            which is "kernel" or "fc/kernel" depending on the backend).
        weight_decay_factors: Regular expressions with the factor on `weight_decay` for variables in
            whose path they are found; the first found counts.
        learning_rate_factors: The same for the learning rate.
        gradient_accumulation_steps: As in `keras.optimizers.Optimizer`: the number of batches, at
            least 2, whose mean gradient makes one update; None is one batch.
        use_ema: As in `keras.optimizers.Optimizer`: whether a moving average of the trainable
            variables is kept, which replaces them at the end of `fit`.
        ema_momentum: Decay of that average, in 0..1.
        ema_overwrite_frequency: After how many updates the average replaces the variables; None is
            at the end only.
        loss_scale_factor: A fixed factor on the loss, which is taken out of the gradients again.
        name: Name of the optimizer.

    Raises:
        ValueError: If a number is outside its range, `exclude_from_weight_decay` is a string, or
            factors are no mapping.

    Example:
        >>> kernel = keras.Variable([[3.0, 4.0]], name="kernel")
        >>> optimizer = Lamb(learning_rate=0.1, weight_decay=0.0, always_adapt=True)
        >>> optimizer.apply([ops.convert_to_tensor([[0.5, -0.5]])], [kernel])
        >>> print(kernel.numpy().round(3))
        [[2.646 4.354]]

    Source: You et al., "Large Batch Optimization for Deep Learning" (arXiv 1904.00962), algorithm
    2; the details are those of `Lamb` in timm (huggingface/pytorch-image-models), with which
    "ResNet strikes back" (arXiv 2110.00476) was trained.
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
        gradient_accumulation_steps: int | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        name: str = "lamb",
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
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
        """Updates one variable and its two running averages."""
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
        """Returns the arguments that make an equal optimizer, without its state."""
        config = super().get_config()
        # Other ways to clip, which this optimizer does not take.
        del config["clipnorm"], config["clipvalue"]
        return {
            **config,
            "always_adapt": self.always_adapt,
            "trust_clip": self.trust_clip,
            "decoupled_decay": self.decoupled_decay,
            "gradient_averaging": self.gradient_averaging,
        }
