"""Timing of some updates on this machine."""

import dataclasses
import itertools
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.fit import fit

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset, ImageStream

# The first update compiles; during the second, queues are still empty or full.
_UNCOUNTED = 2
_FEWEST = 3
# With the data set on the device several updates are one call.
_UPDATES_OF_A_CALL = 5


@dataclasses.dataclass(frozen=True)
class Probe:
    """Duration of some updates of a training.

    Args:
        images: Images per update.
        first: Seconds of the first update, compilation included.
        seconds: Seconds of each later update that was timed; with `data_on_device` means of a call.
        peak_memory: Peak memory of the process so far in bytes, without that of accelerators; None where the
            system does not report it.

    Example:
        >>> Probe(images=8, first=5.0, seconds=(0.5, 0.4, 0.6), peak_memory=None).images_per_second
        16.0
    """

    images: int
    first: float
    seconds: tuple[float, ...]
    peak_memory: int | None

    @property
    def median(self) -> float:
        """Median seconds per update."""
        return statistics.median(self.seconds)

    @property
    def images_per_second(self) -> float:
        """Images per second."""
        return self.images / self.median


def probe(
    recipe: BaseRecipe,
    data: "ImageDataset | ImageStream",
    *,
    teacher: keras.Model | None = None,
    updates: int = 20,
    limit: float = 120.0,
) -> Probe:
    """Trains for some updates as `fit` does, input pipeline and callbacks included, and discards the model.

    Keras waits here for every update, unlike in training, so on an accelerator the durations are upper
    bounds. All images have the last size.

    Args:
        recipe: The recipe.
        data: Training data.
        teacher: As for `Recipe.fit`.
        updates: Number of updates to time.
        limit: Seconds after which timing ends, with at least three updates timed.

    Raises:
        ValueError: If `updates` is below 1, or as `Recipe.fit`.
    """
    if updates < 1:
        raise ValueError(f"`updates` must be at least 1. Received: updates={updates!r}")
    recipe = recipe.replace(progressive_size=None)
    clock = _Clock(recipe.gradient_accumulation_steps, updates, limit)
    if recipe.data_on_device:
        # An epoch is one call; the rate is lowered because a warm-up of a few updates may diverge.
        epochs = recipe.epochs + -(-updates // _UPDATES_OF_A_CALL) + 1
        recipe = recipe.replace(epochs=epochs, learning_rate=recipe.learning_rate / 1000)
        steps = _UPDATES_OF_A_CALL
    else:
        steps = _UNCOUNTED + updates
    fit(recipe, data, teacher=teacher, steps_per_epoch=steps, callbacks=[clock], verbose=0)
    return Probe(recipe.batch_size, *clock.read(), _peak_memory())


class _Clock(keras.callbacks.Callback):
    """Times updates, and stops training when enough of them are timed.

    Not marked `async_safe`, so that Keras waits for every batch.
    """

    def __init__(self, batches: int, updates: int, limit: float) -> None:
        super().__init__()
        self._batches, self._updates, self._limit = batches, updates, limit
        self._marks: list[tuple[int, float]] = []
        self._epoch_begins_at = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._marks.append((0, time.perf_counter()))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch_begins_at = self._marks[-1][0]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        updates, rest = divmod(batch + 1, self._batches)
        if rest:
            return
        self._marks.append((self._epoch_begins_at + updates, time.perf_counter()))
        counted = [mark for mark in self._marks if mark[0] >= _UNCOUNTED]
        done = counted[-1][0] - counted[0][0] if counted else 0
        late = len(counted) > _FEWEST and counted[-1][1] - counted[0][1] > self._limit
        if done >= self._updates or late:
            self.model.stop_training = True

    def read(self) -> tuple[float, tuple[float, ...]]:
        """Returns the seconds of the first update (or call), and of each that counts."""
        counted = [mark for mark in self._marks if mark[0] >= _UNCOUNTED]
        each = itertools.pairwise(counted)
        seconds = tuple((end - begin) / (last - first) for (first, begin), (last, end) in each)
        return self._marks[1][1] - self._marks[0][1], seconds


def _peak_memory() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In kilobytes; on macOS in bytes.
    return peak if sys.platform == "darwin" else 1024 * peak
