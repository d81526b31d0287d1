"""Durations and speed of a training run."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

# Logs that differ between runs with the same seed.
SECONDS = "train_seconds"
TIMES = ("seconds", SECONDS, "images_per_second")
# Minimum seconds between updates of the progress bar.
_SHOWN_FOR = 0.5


class Progress(keras.callbacks.Callback):
    """Logs how long each epoch takes, and shows speed and remaining time in Keras' progress bar.

    The logs of an epoch get `seconds`, which include its evaluation, and `train_seconds` and
    `images_per_second` of training alone, until the device has finished the last update; those of the
    first epoch include compilation. The progress bar (`verbose=1`) shows `images_per_second` of the epoch so
    far, without its first batch, the `learning_rate` of the update, and `minutes_left` of the whole run.
    An epoch that resumes is measured from there.

    Args:
        images: Images per batch, over all devices.
        batches: Batches per epoch, as Keras counts them.
        epochs: Epochs of the run.
        rate_at: Function from a batch, counted from 0 over all epochs, to its learning rate, which is also called
            from other threads; None if the rate is unknown in advance.

    Example:
        >>> import numpy as np, keras, keras_resnet_recipes as krr
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> watch = krr.runs.Progress(images=2, batches=2, epochs=1, rate_at=lambda batch: 0.01)
        >>> x, y = np.ones((4, 2)), np.ones((4, 1))
        >>> history = model.fit(x, y, batch_size=2, callbacks=[watch], verbose=0)
        >>> sorted(history.history)
        ['images_per_second', 'loss', 'seconds', 'train_seconds']
    """

    # Keras waits for every batch unless all callbacks that use batches are marked so.
    async_safe = True

    def __init__(
        self, *, images: int, batches: int, epochs: int, rate_at: Callable[[int], float] | None
    ) -> None:
        super().__init__()
        self.images, self.batches, self.epochs, self.rate_at = images, batches, epochs, rate_at
        self._epoch, self._evaluation = 0, 0.0
        self._begun = time.perf_counter()
        self._trained: float | None = None
        self._first: tuple[int, float] | None = None
        self._shown: dict[str, float] = {}
        self._shown_at = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._epoch, self._begun, self._trained = epoch, time.perf_counter(), None
        self._first, self._shown, self._shown_at = None, {}, 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the numbers of the progress bar to the logs."""
        if self.params.get("verbose") not in (1, "auto") or logs is None:
            return
        now = time.perf_counter()
        if self._first is None:
            self._first = batch, now
        elif now - self._shown_at > _SHOWN_FOR and batch > self._first[0]:
            self._shown, self._shown_at = self._numbers(batch, now), now
        logs.update(self._shown)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock of training: the evaluation begins."""
        self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the times."""
        trained = self._stop()
        now = time.perf_counter()
        self._evaluation = now - trained
        if logs is not None:
            seconds = trained - self._begun
            speed = self.images * self._steps / max(seconds, 1e-9)
            values = round(now - self._begun, 3), round(seconds, 3), round(speed, 1)
            logs.update(zip(TIMES, values, strict=True))

    def _stop(self) -> float:
        """Returns when training of this epoch ended."""
        if self._trained is None:
            # The device may still be computing; fetching a weight waits for it.
            keras.ops.convert_to_numpy(self.model.trainable_variables[-1])
            self._trained = time.perf_counter()
        return self._trained

    @property
    def _steps(self) -> int:
        """Batches of this epoch, fewer where it resumes."""
        return self.params.get("steps") or self.batches

    def _numbers(self, batch: int, now: float) -> dict[str, float]:
        first, since = self._first or (0, self._begun)
        each = max(now - since, 1e-9) / (batch - first)
        index = self._epoch * self.batches + self.batches - self._steps + batch
        left = self.epochs * self.batches - index - 1
        evaluations = (self.epochs - self._epoch) * self._evaluation
        rate = {} if self.rate_at is None else {"learning_rate": self.rate_at(index)}
        return {
            "images_per_second": self.images / each,
            **rate,
            "minutes_left": (left * each + evaluations) / 60,
        }


def reached(history: Mapping[str, Sequence[float]], top1: float) -> tuple[int, float] | None:
    """Returns the first epoch that reaches an accuracy, and the seconds of training until its end.

    Args:
        history: Logs of all epochs: `val_top1` 0..1, and `train_seconds`.
        top1: Accuracy to reach, in percent.

    Returns:
        The epoch, from 1, and seconds without evaluations; None if it was not reached.

    Example:
        >>> reached({"val_top1": [0.5, 0.941, 0.95], "train_seconds": [4.0, 3.0, 3.0]}, 94)
        (2, 7.0)
    """
    for number, accuracy in enumerate(history["val_top1"], start=1):
        # Rounded: a float32 accuracy may lie just below the target.
        if round(100 * accuracy, 4) >= top1:
            return number, sum(history[SECONDS][:number])
    return None


def duration(seconds: float) -> str:
    """Returns a duration as text in a suitable unit.

    Example:
        >>> duration(42), duration(600), duration(7200)
        ('42 s', '10.0 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
