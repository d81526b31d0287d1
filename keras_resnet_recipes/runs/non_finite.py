"""Stops a run when the loss or a weight is not finite."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops


class NonFinite(keras.callbacks.Callback):
    """Stops training once the loss or a weight is NaN or infinite.

    The loss is checked after every batch, where Keras has fetched it anyway and without making
    the device wait, so a few more batches may pass; weights at the end of every epoch. An infinite
    gradient under loss scaling is no fault: the optimizer skips its update and lowers the scale.

    `keras.callbacks.TerminateOnNaN` ends `fit` without an error, does not say where, and does not check weights.

    Args:
        batches_per_update: Batches that are accumulated for an update, at least 1.
        first_batch: Finished batches of the epoch that training begins in.

    Raises:
        FloatingPointError: From within `fit`, with epoch, step, learning rate and loss scale.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.array([[np.nan]])
        >>> model.fit(x, x, callbacks=[NonFinite()], verbose=0)
        Traceback (most recent call last):
            ...
        FloatingPointError: the loss was nan in epoch 1, step 1 (learning rate 0.01).
    """

    async_safe = True

    def __init__(self, *, batches_per_update: int = 1, first_batch: int = 0) -> None:
        super().__init__()
        self._first, self._batches_per_update = first_batch, batches_per_update
        self._fault: tuple[int, float] | None = None
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks the loss: the mean of the epoch so far, which one NaN makes NaN."""
        loss = (logs or {}).get("loss", 0.0)
        step = (self._first + batch) // self._batches_per_update + 1
        # Called from several threads, and not always in order.
        if not math.isfinite(loss) and (self._fault is None or step < self._fault[0]):
            self._fault = step, loss

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops the run, in the thread that trains."""
        if self._fault is not None:
            step, loss = self._fault
            raise _error(self.model, f"the loss was {loss}", self._epoch, step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Checks the weights."""
        self.on_train_batch_begin(batch=0)
        check_weights(self.model, epoch)
        self._first = 0


def check_weights(model: keras.Model, epoch: int, step: int | None = None) -> None:
    """Raises FloatingPointError, naming epoch and step, if a weight of a model is NaN or infinite.

    Args:
        model: The model.
        epoch: Epoch in training, from 0.
        step: Finished steps of that epoch, or None for its end.
    """
    for weight in model.weights:
        if not np.isfinite(ops.convert_to_numpy(weight)).all():
            raise _error(model, f"`{weight.path}` was not finite", epoch, step)


def _error(model: keras.Model, what: str, epoch: int, step: int | None) -> FloatingPointError:
    facts = f"learning rate {float(ops.convert_to_numpy(model.optimizer.learning_rate)):.4g}"
    for optimizer in _wrapped(model.optimizer):
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            facts += f", loss scale {float(ops.convert_to_numpy(optimizer.dynamic_scale)):.4g}"
    position = f"in epoch {epoch + 1}, step {step}" if step else f"at the end of epoch {epoch + 1}"
    return FloatingPointError(f"{what} {position} ({facts}).")


def _wrapped(optimizer: keras.optimizers.Optimizer) -> Iterator[keras.optimizers.Optimizer]:
    """An optimizer and the ones it wraps, outermost first."""
    yield optimizer
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
        yield optimizer
