"""Losses and weights that are no longer numbers: noticed, and the run stopped or the update left out."""

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.checkpoints import build_metrics

SKIPPED = "skipped_steps"


class NonFinite(keras.callbacks.Callback):
    """Stops training once the loss or a weight is NaN or infinite; counts updates left out for that.

    The loss is looked at after every batch, where Keras has fetched it anyway and without making
    the device wait, so that a few more batches may pass; weights at the end of every epoch. An infinite
    gradient under loss scaling is neither: its update is left out, and the scale lowered, by Keras.

    Args:
        skips: Whether updates after which the loss or a weight is not finite are left out instead, where
            `skipping_non_finite` is in force. The log then has `skipped_steps`, and each epoch with any warns.
        batches_per_update: Batches whose gradients make one update; a bad one costs the whole update.

    Raises:
        FloatingPointError: From within `fit`, with epoch, step, learning rate and loss scale.

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.array([[np.nan]])
    >>> model.fit(x, x, callbacks=[NonFinite()], verbose=0)
    Traceback (most recent call last):
        ...
    FloatingPointError: the loss was nan in epoch 1, step 1 (learning rate 0.01).
    """

    def __init__(self, *, skips: bool = False, batches_per_update: int = 1) -> None:
        super().__init__()
        # Whoever counts must know of the last step before the next begins.
        self.async_safe = not skips
        self.skipped = 0
        self._first, self._skips, self._batches_per_update = 0, skips, batches_per_update
        self._last_skipped = 0
        self._fault: tuple[int, float] | None = None
        self._epoch = 0

    def resume(self, batches: int, skipped: int) -> None:
        """Counts on, in the epoch to come, from batches done and updates left out."""
        self._first, self.skipped = batches, skipped

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the loss: the mean of the epoch so far, which one NaN makes NaN."""
        loss = (logs or {}).get("loss", 0.0)
        step = (self._first + batch) // self._batches_per_update + 1
        # Called from several threads, and not always in order.
        if not math.isfinite(loss) and (self._fault is None or step < self._fault[0]):
            self._fault = step, loss
        if (logs or {}).get(SKIPPED, 0) and step != self._last_skipped:
            self.skipped += 1
            self._last_skipped = step

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops the run, in the thread that trains."""
        if self._fault is not None:
            step, loss = self._fault
            raise _error(self.model, f"the loss was {loss}", self._epoch, step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the weights, and tells of the updates left out."""
        self.on_train_batch_begin(batch=0)
        check_weights(self.model, epoch)
        if self._skips and logs is not None:
            logs[SKIPPED] = self.skipped
        if self.skipped:
            warnings.warn(
                f"epoch {epoch + 1}: {self.skipped} update(s) left out, whose loss or weights were not finite.",
                stacklevel=2,
            )
        self._first = self.skipped = self._last_skipped = 0


@contextlib.contextmanager
def skipping_non_finite(model: keras.Model) -> Iterator[None]:
    """Inside, a compiled model leaves out each update after which its loss or a weight is not finite.

    Weights, running averages of the batch norm, optimizer and metrics are then what they were; only
    random seeds go on, and the scale of a loss-scaling optimizer. Where several batches make an update
    (`GradientAccumulation`), one bad batch costs all of it. Logs get `skipped_steps`, 1 or 0 for a batch.

    Args:
        model: The model, its optimizer built.

    Raises:
        ValueError: If the model is spread over several replicas of `tf.distribute`.
    """
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        raise ValueError("`on_nan` must be 'stop' on several devices; received 'skip'.")
    build_metrics(model)
    step = model.train_step
    if keras.backend.backend() == "jax":
        model.train_step = lambda state, data: _jax_step(model, step, state, data)
    else:
        model.train_step = lambda data: _step(model, step, data)
    try:
        yield
    finally:
        del model.train_step
        # Keras keeps what it made of the step.
        model.train_function = None


def check_weights(model: keras.Model, epoch: int, step: int | None = None) -> None:
    """Raises FloatingPointError, which names the place, if a weight of a model is NaN or infinite.

    Args:
        model: The model.
        epoch: Epoch in training, from 0.
        step: Steps done of that epoch, or None for its end.
    """
    for weight in model.weights:
        if not np.isfinite(ops.convert_to_numpy(weight)).all():
            raise _error(model, f"`{weight.path}` was not finite", epoch, step)


def _error(model: keras.Model, what: str, epoch: int, step: int | None) -> FloatingPointError:
    facts = f"learning rate {float(ops.convert_to_numpy(model.optimizer.learning_rate)):.4g}"
    for optimizer in _wrapped(model.optimizer):
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            facts += f", loss scale {float(ops.convert_to_numpy(optimizer.dynamic_scale)):.4g}"
    place = f"in epoch {epoch + 1}, step {step}" if step else f"at the end of epoch {epoch + 1}"
    return FloatingPointError(f"{what} {place} ({facts}).")


def _step(model: keras.Model, step: Any, data: Any) -> dict[str, Any]:
    variables = _put_back(model)
    before = [ops.copy(variable.value) for variable in variables]
    finite = _all_finite(step(data)["loss"], model.weights)
    for variable, old in zip(variables, before, strict=True):
        variable.assign(ops.where(finite, variable.value, old))
    return {**model.get_metrics_result(), SKIPPED: 1.0 - ops.cast(finite, "float32")}


def _jax_step(model: keras.Model, step: Any, state: Any, data: Any) -> Any:
    logs, new = step(state, data)
    finite = _all_finite(logs["loss"], [*new[0], *new[1]])
    kept = {id(variable) for variable in _put_back(model)}
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple(
        [
            ops.where(finite, value, old) if id(variable) in kept else value
            for variable, value, old in zip(*group, strict=True)
        ]
        for group in zip(groups, new, state, strict=True)
    )
    with keras.StatelessScope(zip(model.metrics_variables, state[-1], strict=True)):
        logs = model.get_metrics_result()
    return {**logs, SKIPPED: 1.0 - ops.cast(finite, "float32")}, state


def _put_back(model: keras.Model) -> list[Any]:
    """What an update that is left out must not change."""
    # What wraps the innermost optimizer must remember: that the loss scale was too large, and that
    # the sum of an update's gradients is spoilt.
    *_, innermost = _wrapped(model.optimizer)
    return [*model.weights, *innermost.variables, *model.metrics_variables]


def _wrapped(optimizer: keras.optimizers.Optimizer) -> Iterator[keras.optimizers.Optimizer]:
    """An optimizer, the one it wraps, and so on."""
    yield optimizer
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
        yield optimizer


def _all_finite(loss: Any, weights: Any) -> Any:
    finite = ops.isfinite(loss)
    for weight in weights:
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(weight.dtype)):
            finite = ops.logical_and(finite, ops.all(ops.isfinite(weight)))
    return finite
