"""The images of a training in their order, each with what takes its place if it cannot be read."""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.input_pipeline.order import order

# Index or position of an image, and what reads it and its label.
Example = tuple[int, Callable[[], tuple[Any, int]]]


class IndexedImages:
    """Images of a data set that is read in any order.

    What takes the place of an image that cannot be read is one of those that the epoch leaves out, if it leaves
    out any, or else the image after it in the order.

    Args:
        data: The data set.
        seed: Seed of the run.
        per_epoch: Positions of an epoch.
    """

    def __init__(self, data: ImageDataset, seed: int, per_epoch: int) -> None:
        self._data, self._seed, self._per_epoch = data, seed, per_epoch
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def candidates(self, epoch: int, first: int, count: int) -> list[Iterator[Example]]:
        """For each of `count` positions of an epoch its image, and the images that may take its place.

        Args:
            epoch: The epoch, from 0.
            first: The first position, from 0; behind the last image the order begins again.
            count: Number of positions.
        """
        if epoch != self._epoch:
            self._epoch, self._order = epoch, order(self._data.size, self._seed, epoch)
        return [self._from(self._order, position) for position in range(first, first + count)]

    def _from(self, indices: np.ndarray, position: int) -> Iterator[Example]:
        count, spare = len(indices), max(len(indices) - self._per_epoch, 0)
        left_out = (self._per_epoch + (position + k) % spare for k in range(spare))
        following = ((position + k) % count for k in range(1, count))
        for place in itertools.chain([position % count], left_out, following):
            index = int(indices[place])
            yield index, functools.partial(self._data.read, index)


class StreamedImages:
    """Images of a stream, which goes on where the epoch before has stopped.

    What takes the place of an image that cannot be read is the next one of the same batch: every host knows it, and
    none reads ahead of the others.

    Args:
        data: The stream.
        seed: Seed of the run.
        per_epoch: Positions of an epoch.
        first: Position of the run to begin with.
    """

    def __init__(self, data: ImageStream, seed: int, per_epoch: int, first: int = 0) -> None:
        self._per_epoch, self._next = per_epoch, first
        self._examples = itertools.islice(data.shuffled(seed), first, None)
        self._last: Example | None = None

    def candidates(self, epoch: int, first: int, count: int) -> list[Iterator[Example]]:
        """As `IndexedImages.candidates`; batches must be asked for in their order."""
        begin = epoch * self._per_epoch + first
        # Copies of one image may be in two batches.
        kept = [self._last] if begin == self._next - 1 else []
        new = itertools.islice(self._examples, count - len(kept))
        examples = [*kept, *((position, lambda pair=pair: pair) for position, *pair in new)]
        self._next, self._last = begin + count, examples[-1]
        return [iter(examples[k:] + examples[:k]) for k in range(len(examples))]
