"""Durations and speed of a training run, in its log and on the terminal."""

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_resnet_recipes.runs.log import monitored

# Logs that differ between runs with the same seed.
SECONDS = "train_seconds"
TIMES = ("seconds", SECONDS, "images_per_second")
# Minimum seconds between updates of the progress bar.
_SHOWN_FOR = 0.2
# Columns of a line that no terminal limits, and cells of the bar.
_COLUMNS, _CELLS = 100, 8


class Progress(keras.callbacks.ProgbarLogger):
    """Logs how long each epoch takes, and replaces Keras' progress bar by one that fits on a line.

    The logs of an epoch get `seconds`, which include its evaluation, and `train_seconds` and
    `images_per_second` of training alone, until the device has finished the last update; those of the
    first epoch include compilation. An epoch that resumes is measured from there.

    With `verbose=2` every epoch prints one line, with `verbose=1` the line is redrawn while the epoch trains, and
    `"auto"` means 1 on a terminal or in a notebook, 2 otherwise. A line has at most the columns of the terminal, or
    100: the loss and the first metric, in training and in validation, then the time that the run still takes, the
    speed, and further metrics in their order, as far as they fit.

    Args:
        images: Images per batch, over all devices.
        batches: Batches per epoch, as Keras counts them.

    Example:
        >>> import numpy as np, keras, keras_resnet_recipes as krr
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> watch = krr.runs.Progress(images=2, batches=2)
        >>> x, y = np.ones((4, 2)), np.ones((4, 1))
        >>> history = model.fit(x, y, batch_size=2, callbacks=[watch], verbose=2)
        epoch 1/1  loss ...  ... images/s
        >>> sorted(history.history)
        ['images_per_second', 'loss', 'seconds', 'train_seconds']
    """

    # Keras waits for every batch unless all callbacks that use batches are marked so.
    async_safe = True

    def __init__(self, *, images: int, batches: int) -> None:
        super().__init__()
        self.images, self.batches = images, batches
        self._epoch, self._evaluation = 0, 0.0
        self._begun = time.perf_counter()
        self._trained: float | None = None
        self._first: tuple[int, float] | None = None
        self._last = 0
        self._drawn, self._drawn_at = "", 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        """Sets Keras' parameters."""
        self.params, self.epochs = params, params["epochs"]
        self.verbose = params["verbose"]
        if self.verbose == "auto":
            self.verbose = 1 if sys.stdout.isatty() or "ipykernel" in sys.modules else 2

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._epoch, self._begun, self._trained = epoch, time.perf_counter(), None
        self._first, self._last = None, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Redraws the line."""
        now = time.perf_counter()
        if self._first is None:
            self._first = batch, now
        # Other threads may be late.
        self._last = max(self._last, batch)
        if now - self._drawn_at >= _SHOWN_FOR and batch > self._first[0]:
            each, done = self._each(now), self.batches - self._steps + batch + 1
            left = each * (self.batches - done) + self._evaluation + self._later(each)
            speed = [_speed(self.images / each), f"{duration(left)} left"]
            self._draw(done / self.batches, logs or {}, speed)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock of training: the evaluation begins."""
        self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs the times, and prints the line."""
        trained = self._stop()
        now = time.perf_counter()
        self._evaluation = now - trained
        seconds = trained - self._begun
        speed = self.images * self._steps / max(seconds, 1e-9)
        left = self._later(self._each(trained))
        shown = [_speed(speed), *([f"{duration(left)} left"] if left else [])]
        self._draw(None, logs or {}, shown)
        if logs is not None:
            values = round(now - self._begun, 3), round(seconds, 3), round(speed, 1)
            logs.update(zip(TIMES, values, strict=True))

    def break_off(self) -> None:
        """Ends a bar that an error, or the user, has stopped: what is printed next begins a line."""
        if self._drawn:
            print()
            self._drawn = ""

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

    def _each(self, now: float) -> float:
        """Returns the seconds per batch of this epoch, without its first one, which includes compilation."""
        first, since = self._first or (0, self._begun)
        if self._last > first:
            return max(now - since, 1e-9) / (self._last - first)
        return max(now - self._begun, 1e-9) / self._steps

    def _later(self, each: float) -> float:
        """Returns the seconds of the epochs after this one."""
        return (self.epochs - self._epoch - 1) * (self.batches * each + self._evaluation)

    def _draw(self, done: float | None, logs: Mapping[str, float], speed: list[str]) -> None:
        """Prints the line; `done` is the fraction of an epoch that is not finished yet."""
        if self.verbose not in (1, 2) or (done is not None and self.verbose == 2):
            return
        name = f"epoch {self._epoch + 1}/{self.epochs}"
        if done is not None:
            cells = int(done * _CELLS)
            name += f" [{'=' * cells}{'.' * (_CELLS - cells)}]"
        width = shutil.get_terminal_size().columns - 1 if sys.stdout.isatty() else _COLUMNS
        line = fitted(name, logs, speed, width)
        # Spaces, because notebooks do not know the code that clears a line.
        over = line.ljust(min(len(self._drawn), width))
        text = f"\r{over}" if self.verbose == 1 else line
        print(text, end="" if done is not None else "\n", flush=True)
        self._drawn, self._drawn_at = "" if done is None else line, time.perf_counter()


def fitted(name: str, metrics: Mapping[str, float], speed: Sequence[str], width: int) -> str:
    """Returns a line of progress with as much as fits.

    The most important are the first two metrics, their `val_` values, the metric that marks the best epoch, and the
    last of `speed`.

    Args:
        name: Beginning of the line.
        metrics: Values by name, in training and in validation.
        speed: End of the line.
        width: Columns of the line.

    Example:
        >>> metrics = {"loss": 2.3456, "top1": 0.5, "top5": 0.75, "val_loss": 12.3456, "val_top1": 0.25}
        >>> fitted("epoch 1/9", metrics, ["80 images/s"], 100)
        'epoch 1/9  loss 2.3456  top1 0.5000  top5 0.7500  val_loss 12.35  val_top1 0.2500  80 images/s'
        >>> fitted("epoch 1/9", metrics, ["80 images/s"], 60)
        'epoch 1/9  loss 2.3456  top1 0.5000  val_top1 0.2500'
    """
    texts = {name: f"{name} {_short(value)}" for name, value in metrics.items()}
    first = [one for one in texts if not one.startswith("val_")][:2]
    first += [f"val_{one}" for one in reversed(first) if f"val_{one}" in texts]
    best = monitored(texts)
    if best and best not in first:
        first.insert(1, best)
    others = [texts[one] for one in texts if one not in first]
    line = [name[:width]]
    for text in [*(texts[one] for one in first), *reversed(speed), *others]:
        if sum(map(len, line)) + 2 * len(line) + len(text) <= width:
            line.append(text)
    return "  ".join([line[0], *(one for one in (*texts.values(), *speed) if one in line[1:])])


def _short(value: float) -> str:
    """Returns a number with four decimals, or four significant digits."""
    return f"{value:.4f}" if 1e-3 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def _speed(value: float) -> str:
    return f"{value:.0f} images/s" if value >= 100 else f"{value:.3g} images/s"


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
