"""Different optimizers for different variables, as one optimizer."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class MultiOptimizer(keras.optimizers.MultiOptimizer):
    """`keras.optimizers.MultiOptimizer` with a learning rate, which callbacks can read and set.

    The learning rate is that of the default optimizer. Setting it, as `keras.callbacks.LearningRateScheduler` and
    `ReduceLROnPlateau` do, also sets those of the others, which keep their ratio to it. Optimizers with a
    `LearningRateSchedule` follow it.

    Keras' optimizer has no learning rate. These callbacks give all its optimizers the same one and log each by
    name, but fail if a loss scale or `GradientAccumulation` wraps it.

    Gradients are clipped by each optimizer on its own, so a global norm is that of its variables.

    Args:
        optimizer_map: `keras.optimizers.OptimizerMap`: a default optimizer, and others by regular expressions that
            match whole paths of variables. A path must match only one of them.
        loss_scale_factor: Fixed factor on the loss, by which gradients are divided again.
        name: Name of the optimizer.

    Example:
        >>> from keras_resnet_recipes.optimizers import SGD, Muon
        >>> optimizer = MultiOptimizer(
        ...     keras.optimizers.OptimizerMap(SGD(0.5), {".*conv.*/kernel": Muon(0.25)})
        ... )
        >>> optimizer.learning_rate = 0.125
        >>> [float(one.learning_rate) for one in optimizer.inner_optimizers]
        [0.0625, 0.125]
    """

    def __init__(
        self,
        optimizer_map: keras.optimizers.OptimizerMap,
        loss_scale_factor: float | None = None,
        name: str = "multi_optimizer",
    ) -> None:
        super().__init__(optimizer_map, loss_scale_factor=loss_scale_factor, name=name)
        self._default = optimizer_map.default_optimizer
        rates = {id(one): _number(one) for one in self.inner_optimizers}
        base = rates[id(self._default)]
        self._ratios = [
            None if rate is None else rate / base if base else 1.0 for rate in rates.values()
        ]

    @property
    def inner_optimizers(self) -> list[keras.optimizers.Optimizer]:
        """The optimizers, the default last."""
        return list(self._inner_optimizers)

    @property
    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Not available: Keras' callbacks look for it, and would set the rates one by one."""
        raise AttributeError("`optimizers` must be `inner_optimizers`.")

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the default optimizer at this update."""
        rate = self._default._learning_rate
        # Not the default's own iterations: it may have no variables.
        is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        return rate(self.iterations) if is_schedule else self._default.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self._default.learning_rate = learning_rate
        for optimizer, ratio in zip(self.inner_optimizers, self._ratios, strict=True):
            if optimizer is not self._default and ratio is not None:
                optimizer.learning_rate = learning_rate * ratio


def _number(optimizer: keras.optimizers.Optimizer) -> float | None:
    """Returns an optimizer's learning rate, None if it is a schedule or function."""
    rate = optimizer._learning_rate
    return float(keras.ops.convert_to_numpy(rate)) if isinstance(rate, keras.Variable) else None
