"""The batches of an evaluation."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import one_hot
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImage, UnreadableImages
from keras_resnet_recipes.data.decode import opened
from keras_resnet_recipes.data.parallel import Workers, mapped
from keras_resnet_recipes.input_pipeline.sources import Example
from keras_resnet_recipes.input_pipeline.training import AHEAD, check_within
from keras_resnet_recipes.input_pipeline.views import images_at_a_time, shorter_sides, views_of
from keras_resnet_recipes.recipe import BaseRecipe

# The result of an evaluation does not depend on its batch; a large one only costs memory.
_BATCH = 256


class EvaluationBatches:
    """Every image once, in order, resized and cropped as the recipe says, in all views that it asks for.

    Images that cannot be read are left out. On several devices all batches are of one size, a multiple of
    their number, and have weights: 1 for images and 0 for what fills up a batch, because Keras would give a
    device no image at all. On several hosts there are as many batches on each.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        unreadable: Collects images that cannot be read.
        devices: Devices of all hosts.
        host: This host, from 0, and the number of hosts.
        workers: Threads that make images.

    Raises:
        ValueError: If a stream has no end, or the number of images is unknown and there are several hosts.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        data: ImageDataset | ImageStream,
        *,
        unreadable: UnreadableImages,
        devices: int = 1,
        host: tuple[int, int] = (0, 1),
        workers: Workers | None = None,
    ) -> None:
        self._recipe, self._data, self._unreadable = recipe, data, unreadable
        self._views, self._workers = views_of(recipe), workers or Workers()
        self._host, self.hosts = host
        batch = images_at_a_time(recipe, min(recipe.batch_size, _BATCH))
        self.filled = devices > 1
        self.batch = -(-batch // devices) * devices
        if isinstance(data, ImageStream):
            data.in_order()  # refuses an endless one
        if self.hosts > 1 and data.size is None:
            raise ValueError(
                f"`validation_data`: the number of images of {data.name} must be known on several hosts "
                "(tf.data.experimental.assert_cardinality)."
            )

    def __len__(self) -> int:
        """The number of batches."""
        return -(-self._size // self.batch)

    @functools.cached_property
    def _size(self) -> int:
        if self._data.size is not None:
            return self._data.size
        return sum(1 for _ in self._data.in_order())

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The batches: images, float32 one-hot targets [batch, classes], and weights where they are filled up.

        Images are uint8 [batch, size, size, 3]; [batch, 10, size, size, 3] for ten crops; for several sizes a tuple
        of [1, height, width, 3].
        """
        return (batch for _, batch in self.numbered())

    def numbered(self) -> Iterator[tuple[list[int], tuple[Any, ...]]]:
        """The batches, each with the indices of its images, made ahead of their use."""
        return mapped(self._made, self._groups(), threads=1, ahead=AHEAD)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._recipe.classes

    def _groups(self) -> Iterator[list[Example]]:
        """The examples of each batch that this host makes."""
        size = self.batch // self.hosts
        examples = (one for one in self._examples() if self._is_own(one[0]))
        groups = iter(lambda: list(itertools.islice(examples, size)), [])
        if self.hosts == 1:
            return groups
        # As many on every host: one that has another step than the others waits for ever.
        return itertools.islice(itertools.chain(groups, itertools.repeat([])), len(self))

    def _examples(self) -> Iterator[Example]:
        if isinstance(self._data, ImageDataset):
            read = self._data.read
            return ((index, functools.partial(read, index)) for index in range(self._data.size))
        return ((index, lambda pair=pair: pair) for index, *pair in self._data.in_order())

    def _is_own(self, index: int) -> bool:
        return index % self.batch // (self.batch // self.hosts) == self._host

    def _made(self, examples: list[Example]) -> tuple[list[int], tuple[Any, ...]]:
        seen: dict[int, tuple[tuple[np.ndarray, ...], int]] = {}
        self._workers.each(lambda one: self._look(one, seen), examples)
        indices = sorted(seen)
        labels = np.array([seen[index][1] for index in indices], np.int64)
        check_within(self._data.name, labels, self._recipe.classes)
        targets = one_hot(labels, self._recipe.classes)
        if indices:
            views = zip(*(seen[index][0] for index in indices), strict=True)
            images = tuple(np.stack(of_images) for of_images in views)
        else:
            images = tuple(np.zeros((0, *shape), np.uint8) for shape in self.shapes)
        parts = (images[0] if len(images) == 1 else images, targets)
        return indices, self._filled(*parts) if self.filled or not indices else parts

    def _filled(self, images: Any, targets: np.ndarray) -> tuple[Any, ...]:
        """A batch with zeros up to its full size, or one of them if there is nothing else, and weights."""
        size = self.batch // self.hosts if self.filled else 1
        weights = np.ones(len(targets), np.float32)
        parts = images if isinstance(images, tuple) else (images,)
        *parts, targets, weights = (_padded(part, size) for part in (*parts, targets, weights))
        return parts[0] if len(parts) == 1 else tuple(parts), targets, weights

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the views of an image; sizes of a whole image are open, and 32 here."""
        size = self._recipe.test.size
        if self._recipe.test.views == "multi_scale":
            return [(32, 32, 3)] * len(shorter_sides(self._recipe))
        return [(10, size, size, 3) if self._recipe.test.views == "ten_crop" else (size, size, 3)]

    def _look(self, example: Example, seen: dict[int, tuple[tuple[np.ndarray, ...], int]]) -> None:
        index, read = example
        try:
            image, label = read()
            with opened(image, self._data.max_pixels) as one:
                seen[index] = self._views(one), label
        except UnreadableImage as error:
            self._unreadable.report(index, str(error))


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((size - len(array), *array.shape[1:]), array.dtype)])
