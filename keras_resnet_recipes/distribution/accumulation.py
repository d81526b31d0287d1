"""Gradient accumulation over several micro-batches."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class GradientAccumulation(keras.optimizers.Optimizer):
    """Applies another optimizer to the mean gradient of several micro-batches.

    With micro-batches of equal size this equals the update of one large batch: clipping, loss scaling,
    schedules and EMAs of the inner optimizer happen once per update. `iterations` counts updates.

    The `gradient_accumulation_steps` of Keras 3.15 differs: it fails under
    `tf.distribute.MirroredStrategy` ("merge_call", keras-team/keras issue 20582), advances `use_ema`
    averages and schedules with every micro-batch, and drops single micro-batches that overflow from the
    sum. Here an overflow in one micro-batch skips the update.

    On several replicas each one sums its own gradients, which are communicated only for an update. A file
    saved between two updates contains the first replica's sum.

    Args:
        inner_optimizer: The optimizer to apply, without gradient accumulation.
        steps: Number of micro-batches per update, at least 2.
        name: Name of the optimizer.

    Raises:
        ValueError: If `steps` is less than 2, or `inner_optimizer` accumulates gradients, too.

    Example:
        >>> optimizer = GradientAccumulation(keras.optimizers.SGD(1.0), steps=2)
        >>> weight = keras.Variable([10.0])
        >>> for gradient in (1.0, 3.0):
        ...     optimizer.apply([ops.convert_to_tensor([gradient])], [weight])
        ...     print(float(weight[0]))
        10.0
        8.0
    """

    def __init__(
        self,
        inner_optimizer: keras.optimizers.Optimizer,
        steps: int,
        name: str = "gradient_accumulation",
    ) -> None:
        super().__init__(learning_rate=0.0, name=name)
        if steps < 2:
            raise ValueError(f"`steps` must be at least 2. Received: steps={steps!r}")
        innermost = getattr(inner_optimizer, "inner_optimizer", inner_optimizer)
        if innermost.gradient_accumulation_steps:
            raise ValueError(
                "`inner_optimizer` must not accumulate gradients itself. Received: "
                f"gradient_accumulation_steps={innermost.gradient_accumulation_steps!r}"
            )
        self.inner_optimizer = inner_optimizer
        self.steps = steps

    def build(self, variables: Sequence[Any]) -> None:
        """Creates the sums, one per variable, and the state of the inner optimizer."""
        self.inner_optimizer.build(variables)
        super().build(variables)
        self._batches = self.add_variable(
            shape=(), dtype="int32", aggregation="only_first_replica", name="batches"
        )
        self._sums = tuple(self.add_optimizer_variables(variables, "sum"))

    @property
    def variables(self) -> list[Any]:
        """The number of micro-batches in the sums, the sums, and the inner optimizer's variables."""
        own = [self._batches, *self._sums] if self.built else []
        return [*own, *self.inner_optimizer.variables]

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Adds the gradients of a micro-batch to the sums; the last micro-batch triggers the update."""
        if not self.built:
            self.build(list(trainable_variables))
        known = self._trainable_variables if trainable_variables is None else trainable_variables
        sums = [self._sums[self._get_variable_index(variable)] for variable in known]
        if keras.backend.backend() == "jax":
            self._apply_stateless(grads)
            return
        for total, gradient in zip(sums, grads, strict=True):
            if gradient is not None:
                self.assign_add(total, gradient)

        def update() -> None:
            means = [
                None if gradient is None else ops.divide(total, self.steps)
                for total, gradient in zip(sums, grads, strict=True)
            ]
            self.inner_optimizer.apply(means, list(known))
            for total in sums:
                self.assign(total, ops.zeros_like(total))

        if _merges_replicas():
            import tensorflow as tf

            # TensorFlow allows a condition around an update only in cross-replica context.
            tf.distribute.get_replica_context().merge_call(
                lambda strategy: self._finish_batch(
                    lambda: strategy.extended.call_for_each_replica(update)
                )
            )
        else:
            self._finish_batch(update)

    def _finish_batch(self, update: Any) -> None:
        done = ops.equal(self._batches, self.steps - 1)
        ops.cond(done, lambda: _nothing(update()), lambda: None)
        self._batches.assign(ops.where(done, 0, self._batches + 1))

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """Returns the new values of the trainable variables and of `variables` (JAX)."""
        batches, own = optimizer_variables[0], 1 + len(self._sums)
        inner = list(optimizer_variables[own:])
        sums = [ops.add(a, b) for a, b in zip(optimizer_variables[1:own], grads, strict=True)]

        def update() -> tuple[list[Any], list[Any]]:
            values, state = self.inner_optimizer.stateless_apply(
                inner, [ops.divide(total, self.steps) for total in sums], list(trainable_variables)
            )
            zeros = [ops.zeros_like(total) for total in sums]
            return list(values), [ops.zeros_like(batches), *zeros, *state]

        def wait() -> tuple[list[Any], list[Any]]:
            return list(trainable_variables), [ops.add(batches, 1), *sums, *inner]

        return ops.cond(ops.equal(batches, self.steps - 1), update, wait)

    def _apply_stateless(self, grads: Sequence[Any]) -> None:
        values, state = self.stateless_apply(
            [variable.value for variable in self.variables],
            grads,
            [variable.value for variable in self._trainable_variables],
        )
        for variable, value in zip(
            [*self._trainable_variables, *self.variables], [*values, *state], strict=True
        ):
            variable.assign(value)

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """Number of updates."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """Returns the loss scaled by the inner optimizer."""
        return self.inner_optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Calls the inner optimizer's method at the end of training."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "inner_optimizer": keras.saving.serialize_keras_object(self.inner_optimizer),
            "steps": self.steps,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Returns the optimizer described by the output of `get_config`."""
        inner = keras.saving.deserialize_keras_object(
            config["inner_optimizer"], custom_objects=custom_objects
        )
        return cls(**{**config, "inner_optimizer": inner})


def _nothing(_: Any) -> None:
    # Both branches of a condition must return the same structure.
    return None


def _merges_replicas() -> bool:
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return (
        tf.distribute.get_strategy().num_replicas_in_sync > 1
        and not tf.__internal__.distribute.strategy_supports_no_merge_call()
    )
