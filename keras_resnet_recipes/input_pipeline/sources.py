"""The images of a training in their order, each with what takes its place if it cannot be read."""

import itertools
from collections.abc import Iterator
from typing import Any

from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.input_pipeline.order import order

# Index or position of an image, the image, and its label.
Example = tuple[int, Any, int]


class IndexedImages:
    """Images of a data set that is read in any order.

    Args:
        data: The data set.
        seed: Seed of the run.
    """

    def __init__(self, data: ImageDataset, seed: int) -> None:
        self._data, self._seed = data, seed
        self._epoch, self._order = -1, None

    def candidates(self, epoch: int, first: int, count: int) -> list[Iterator[Example]]:
        """For each of `count` positions of an epoch its image, and the images after it in the order.

        Args:
            epoch: The epoch, from 0.
            first: The first position, from 0; behind the last image the order begins again.
            count: Number of positions.
        """
        if epoch != self._epoch:
            self._epoch, self._order = epoch, order(self._data.size, self._seed, epoch)
        return [self._from(self._order, position) for position in range(first, first + count)]

    def _from(self, indices: Any, position: int) -> Iterator[Example]:
        for step in range(len(indices)):
            index = int(indices[(position + step) % len(indices)])
            yield index, *self._data.read(index)


class StreamedImages:
    """Images of a stream, which goes on where the epoch before has stopped.

    Args:
        data: The stream.
        seed: Seed of the run.
        per_epoch: Positions of an epoch.
        first: Position of the run to begin with.
    """

    def __init__(self, data: ImageStream, seed: int, per_epoch: int, first: int) -> None:
        self._per_epoch, self._next = per_epoch, first
        self._examples = itertools.islice(data.shuffled(seed), first, None)
        self._last: Example | None = None

    def candidates(self, epoch: int, first: int, count: int) -> list[Iterator[Example]]:
        """As `IndexedImages.candidates`, position after position; what cannot be read is replaced by the next image."""
        begin = epoch * self._per_epoch + first
        # Copies of one image may be in two batches.
        kept = [self._last] if begin == self._next - 1 else []
        examples = [*kept, *itertools.islice(self._examples, count - len(kept))]
        self._next, self._last = begin + count, examples[-1]
        return [itertools.chain([one], self._examples) for one in examples]
