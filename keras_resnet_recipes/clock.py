"""How long training takes, as competitions count it: without the evaluations."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

SECONDS = "train_seconds"


class TrainingClock(keras.callbacks.Callback):
    """Logs `train_seconds`: what the training of each epoch took, its evaluation left out.

    The clock stops once the device has done the epoch's last update. What is compiled in the first epoch
    counts; a run that goes on within an epoch has the rest of that epoch only.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((4, 2)), np.ones((4, 1)), callbacks=[TrainingClock()], verbose=0)
    >>> history.history["train_seconds"][0] > 0
    True
    """

    def __init__(self) -> None:
        super().__init__()
        self._begun, self._seconds = 0.0, None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._begun, self._seconds = time.perf_counter(), None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock."""
        self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock, if nothing was evaluated, and logs."""
        self._stop()
        if logs is not None:
            logs[SECONDS] = self._seconds

    def _stop(self) -> None:
        if self._seconds is None:
            # A device may still be at it; a weight is not there before.
            keras.ops.convert_to_numpy(self.model.trainable_variables[-1])
            self._seconds = time.perf_counter() - self._begun


def reached(history: Mapping[str, Sequence[float]], top1: float) -> tuple[int, float] | None:
    """The first epoch with an accuracy, and the seconds of training until its end.

    Args:
        history: Logs of all epochs: `val_top1` 0..1, and `train_seconds`.
        top1: Accuracy to reach, in per cent.

    Returns:
        Number of the epoch, from 1, and seconds without evaluations; None if it was not reached.

    >>> reached({"val_top1": [0.5, 0.941, 0.95], "train_seconds": [4.0, 3.0, 3.0]}, 94)
    (2, 7.0)
    """
    for number, accuracy in enumerate(history["val_top1"], start=1):
        # 94 % of 10,000 pictures is a number of pictures, which float32 has not quite.
        if round(100 * accuracy, 4) >= top1:
            return number, sum(history[SECONDS][:number])
    return None
