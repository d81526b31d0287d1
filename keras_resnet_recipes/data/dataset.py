"""`ImageDataset` and `ImageStream`: images with their labels, from any source."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.data.arrays import ImageArrays, check_labels
from keras_resnet_recipes.data.decode import MAX_PIXELS, UnreadableImage
from keras_resnet_recipes.names import printable

# Images of a stream in the shuffle buffer; an indexed data set needs none.
SHUFFLE_BUFFER = 4096
_SHOWN = 10

Reader = tuple[int, Callable[[], tuple[Any, int]]]
"""Index or position of an image, and a function that reads it and its label."""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Images:
    """Properties of images that are known before they are read.

    Args:
        name: Name in messages.
        size: Number of images, or None if unknown.
        class_names: Names in the order of the labels, or None; control characters are escaped, see `printable`.
        max_pixels: Larger images are unreadable.
        describe: Returns the name of an image, given its index, or its position in a stream.
        labels: Labels of all images, if known without reading: integers [n], or multi-hot [n, classes].
        key: Returns what names an image within the data set, wherever that is, given its index; None if nothing does.
        stamp: Returns bytes that change with the image, without decoding it, given its index; None if nothing does.
        drawn: Whether the images were drawn at random from more; a run folder lists such validation images.
    """

    name: str
    size: int | None = None
    class_names: tuple[str, ...] | None = None
    max_pixels: int = MAX_PIXELS
    describe: Callable[[int], str] | None = None
    labels: np.ndarray | None = None
    key: Callable[[int], str] | None = None
    stamp: Callable[[int], bytes] | None = None
    drawn: bool = False

    def __post_init__(self) -> None:
        if self.class_names is not None:
            object.__setattr__(self, "class_names", tuple(map(printable, self.class_names)))
        if self.describe is None:
            object.__setattr__(self, "describe", lambda index: f"image {index} of {self.name}")

    @property
    def classes(self) -> int | None:
        """Number of classes, or None if classes have no names."""
        return None if self.class_names is None else len(self.class_names)

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several labels, or none: then labels are multi-hot."""
        return self.labels is not None and self.labels.ndim == 2

    @functools.cached_property
    def all_labels(self) -> np.ndarray:
        """Labels of all images in order: known ones, or int64 [images] as read, -1 for an unreadable image.

        Raises:
            ValueError: If there is no image, or the data is endless.
        """
        if self.labels is not None:
            return self.labels
        labels = np.array([_label(read) for _, read in self.readers()], np.int64)
        if not len(labels):
            raise ValueError(f"{self.name} must contain at least one image. Received: 0 images")
        return labels

    def summary(self) -> str:
        """Returns one line with the numbers of images and classes."""
        size = "an unknown number of images" if self.size is None else f"{self.size:,} images"
        if self.multi_label:
            size += f" with {self.labels.sum() / len(self.labels):.2g} labels each"
        if self.class_names is not None:
            return f"{self.name}: {size}, {self.classes:,} classes: {listed(self.class_names)}"
        if self.multi_label:
            return f"{self.name}: {size}, {self.labels.shape[1]:,} classes"
        if self.labels is None or not len(self.labels):
            return f"{self.name}: {size}"
        return f"{self.name}: {size}, labels {self.labels.min()} to {self.labels.max()}"

    def check_labels(self, classes: int) -> None:
        """Raises ValueError if a known label is outside 0..classes-1."""
        if self.labels is not None:
            check_labels(self.name, self.labels, classes)

    def readers(self, start: int = 0) -> Iterator[Reader]:
        """Yields the index or position of each image in order, from `start` on, and a function that reads it."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageDataset(Images):
    """Images with labels that can be read in any order, from any number of threads.

    Args:
        name: Name in messages.
        size: Number of images.
        read: Returns image and label, given an index within 0..size-1. The image is `bytes`, the contents of an
            image file; uint8 [height, width, 3], [height, width, 1] or [height, width]; a Pillow image; or
            an object with a method `opened` that returns an `OpenedImage`. The label is an integer, or for several
            labels per image the row of `labels`.
        class_names: Names in the order of the labels, or None.
        labels: Labels of all images in the order of the index, if known without reading: integers [n], or uint8
            [n, classes] of 0 and 1 for several labels per image, which must be known.
        describe: Returns the name of an image, given its index; by default such as "image 3 of" and `name`.
        arrays: The same images and labels as arrays, if they are in memory.
        max_pixels: Larger images are unreadable.
        key: Returns what names an image within the data set, wherever that is, given its index. A run resumes only on
            images with the same keys and stamps.
        stamp: Returns bytes that change with the image, without decoding it, given its index.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
        >>> image, label = images.read(5)
        >>> image.shape, label, images.describe(5)
        ((8, 8, 3), 2, 'image 5 of the arrays')
    """

    size: int
    read: Callable[[int], tuple[Any, int]]
    arrays: ImageArrays | None = None

    def readers(self, start: int = 0) -> Iterator[Reader]:
        """Yields the index of each image in order, from `start` on, and a function that reads it."""
        return ((index, functools.partial(self.read, index)) for index in range(start, self.size))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ImageStream(Images):
    """Images with integer labels that can only be iterated, without an index.

    Args:
        name: Name in messages.
        start: Starts a new pass: returns an iterator of images and labels, as `ImageDataset.read` returns them.
        size: Number of images per pass, or None if unknown.
        endless: Whether a pass never ends.
        class_names: Names in the order of the labels, or None.
        describe: Returns the name of an image, given its position in a pass.
        max_pixels: Larger images are unreadable.

    Example:
        >>> stream = ImageStream(name="three", start=lambda: iter([(b"a", 0), (b"b", 1), (b"c", 0)]))
        >>> [(position, label) for position, _, label in stream.in_order()]
        [(0, 0), (1, 1), (2, 0)]
        >>> first = [position for position, *_ in itertools.islice(stream.shuffled(seed=0), 3)]
        >>> sorted(first)
        [0, 1, 2]
    """

    start: Callable[[], Iterator[tuple[Any, int]]]
    endless: bool = False

    def in_order(self) -> Iterator[tuple[int, Any, int]]:
        """Returns an iterator over one pass in its own order: position, image and label.

        Raises:
            ValueError: If the stream is endless.
        """
        if self.endless:
            raise ValueError(
                f"{self.name} is endless, but must be finite here. Pass a finite one, such as its `take(n)`."
            )
        return self._positioned()

    def readers(self, start: int = 0) -> Iterator[Reader]:
        """Yields the position of each image of a pass, from `start` on, and a function that returns it."""
        passed = itertools.islice(self.in_order(), start, None)
        return ((position, lambda pair=pair: pair) for position, *pair in passed)

    def shuffled(self, seed: int, first_pass: int = 0) -> Iterator[tuple[int, Any, int]]:
        """Yields an endless sequence of passes, each shuffled with a buffer of 4096 images.

        If epochs share the iterator, an epoch continues where the previous one stopped. A pass yields each
        image once. A stream sorted by class should be shuffled beforehand.

        Args:
            seed: Seed of the order, combined with the number of the pass.
            first_pass: Number of the first pass.

        Yields:
            Position in the pass, image and label.

        Raises:
            ValueError: If a pass is empty.
        """
        for number in itertools.count(first_pass):
            rng = np.random.default_rng([seed, number])
            waiting: list[tuple[int, Any, int]] = []
            for example in self._positioned():
                if len(waiting) < SHUFFLE_BUFFER:
                    waiting.append(example)
                    continue
                chosen = int(rng.integers(SHUFFLE_BUFFER))
                yield waiting[chosen]
                waiting[chosen] = example
            if not waiting:
                raise ValueError(f"{self.name} must contain at least one image. Received: 0 images")
            rng.shuffle(waiting)
            yield from waiting

    def _positioned(self) -> Iterator[tuple[int, Any, int]]:
        return ((position, *example) for position, example in enumerate(self.start()))


def label_at(labels: np.ndarray, index: int) -> Any:
    """Returns the label of an image as `ImageDataset.read` does: an integer, or a multi-hot row.

    Example:
        >>> label_at(np.array([3, 4]), 1), label_at(np.eye(2, dtype="uint8"), 1).tolist()
        (4, [0, 1])
    """
    return int(labels[index]) if labels.ndim == 1 else labels[index]


def _label(read: Callable[[], tuple[Any, int]]) -> int:
    try:
        return read()[1]
    except UnreadableImage:
        return -1


def from_arrays(images: np.ndarray, labels: np.ndarray) -> ImageDataset:
    """Returns images and labels in memory as an `ImageDataset`.

    Args:
        images: [n, height, width, 3], [n, height, width, 1] or [n, height, width]; uint8, or float with values 0..255.
        labels: Integers [n] or [n, 1], from 0; or, for several labels per image, multi-hot rows [n, classes] of 0 and
            1.

    Raises:
        ValueError: If there is no image, a shape, dtype or range is wrong, or the lengths differ.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> krr.data.from_arrays(np.zeros((3, 28, 28), "uint8"), np.arange(3)).size
        3
    """
    return from_memory(ImageArrays("the arrays", images, labels))


def from_memory(arrays: ImageArrays) -> ImageDataset:
    """Returns checked images and labels in memory as an `ImageDataset`."""
    return ImageDataset(
        name=arrays.name,
        size=arrays.size,
        read=lambda index: (arrays.images[index], label_at(arrays.labels, index)),
        labels=arrays.labels,
        arrays=arrays,
        stamp=lambda index: arrays.images[index].tobytes(),
    )


def listed(names: Sequence[str]) -> str:
    """Returns the first ten names, separated by commas.

    Example:
        >>> listed(("cat", "dog"))
        'cat, dog'
    """
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
