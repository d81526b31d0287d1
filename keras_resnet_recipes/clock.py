"""How long training takes, how long it will, and when an accuracy was reached."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

# Logs that differ from run to run, whatever the seed.
SECONDS = "train_seconds"
TIMES = ("seconds", SECONDS, "images_per_second")
# Seconds that numbers of the progress bar stay, so that they cost nothing and can be read.
_SHOWN_FOR = 0.5


class Progress(keras.callbacks.Callback):
    """Logs how long each epoch took, and tells Keras' progress bar how fast it goes and what is left.

    The logs of an epoch get `seconds`, its evaluation included, and `train_seconds` and
    `images_per_second`, of training alone, which ends once the device has done the last update; the
    first epoch's hold the time that compiling takes. Beside the loss the progress bar
    (`verbose=1`) shows `images_per_second` of the epoch so far, its first batch left out, the
    `learning_rate` of the update, and `minutes_left` of the whole run. A run that goes on within an epoch
    has the rest of that epoch only.

    Args:
        images: Images of a batch, over all devices.
        batches: Batches of an epoch, as Keras counts them.
        epochs: Epochs of the whole run.
        rate_at: From a batch, counted from 0 over all epochs, to its learning rate, which may be called
            from another thread; None where nobody knows before.

    >>> import numpy as np, keras, keras_resnet_recipes as krr
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> watch = krr.callbacks.Progress(images=2, batches=2, epochs=1, rate_at=lambda batch: 0.01)
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> history = model.fit(x, y, batch_size=2, callbacks=[watch], verbose=0)
    >>> sorted(history.history)
    ['images_per_second', 'loss', 'seconds', 'train_seconds']
    """

    # Keras waits for every batch unless all callbacks that look at batches say so.
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
        """Gives the progress bar its numbers."""
        if self.params.get("verbose") not in (1, "auto") or logs is None:
            return
        now = time.perf_counter()
        if self._first is None:
            self._first = batch, now
        elif now - self._shown_at > _SHOWN_FOR and batch > self._first[0]:
            self._shown, self._shown_at = self._numbers(batch, now), now
        logs.update(self._shown)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Training ends where the evaluation of the epoch begins."""
        self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs both times."""
        trained = self._stop()
        now = time.perf_counter()
        self._evaluation = now - trained
        if logs is not None:
            seconds = trained - self._begun
            speed = self.images * self._steps / max(seconds, 1e-9)
            values = round(now - self._begun, 3), round(seconds, 3), round(speed, 1)
            logs.update(zip(TIMES, values, strict=True))

    def _stop(self) -> float:
        """When training of this epoch ended."""
        if self._trained is None:
            # A device may still be at it; a weight is not there before.
            keras.ops.convert_to_numpy(self.model.trainable_variables[-1])
            self._trained = time.perf_counter()
        return self._trained

    @property
    def _steps(self) -> int:
        """Batches of this epoch, fewer where a run goes on within it."""
        return self.params.get("steps") or self.batches

    def _numbers(self, batch: int, now: float) -> dict[str, float]:
        first, since = self._first or (0, self._begun)
        each = max(now - since, 1e-9) / (batch - first)
        place = self._epoch * self.batches + self.batches - self._steps + batch
        left = self.epochs * self.batches - place - 1
        evaluations = (self.epochs - self._epoch) * self._evaluation
        rate = {} if self.rate_at is None else {"learning_rate": self.rate_at(place)}
        return {
            "images_per_second": self.images / each,
            **rate,
            "minutes_left": (left * each + evaluations) / 60,
        }


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


def duration(seconds: float) -> str:
    """A time as text, in the unit that suits it.

    >>> duration(42), duration(600), duration(7200)
    ('42 s', '10.0 min', '2.0 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} days"
