"""Images that come one after another: a tf.data.Dataset, a torch DataLoader, any iterable."""

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from keras_resnet_recipes.data.dataset import SHUFFLE_BUFFER, ImageStream
from keras_resnet_recipes.data.examples import check_range, checked, is_batch, pair

# Images looked at before training: float images of 0..1 show at once.
_FIRST = 16


def from_dataset(stream: Iterable[Any], class_names: tuple[str, ...] | None = None) -> ImageStream:
    """An iterable of (image, label) as an `ImageStream`.

    Batches are undone. Without an index, images are shuffled through a buffer of 4096: a stream
    sorted by class should be shuffled before. An epoch continues where the one before stopped.

    Args:
        stream: A tf.data.Dataset, a torch DataLoader or any other iterable, which begins a new pass each
            time. Elements are (image, label) or dictionaries with the keys `image` and `label`, or batches of these.
            An image is a Pillow image, the contents of an image file as bytes, or pixels [height, width, 3 or
            1], uint8 or float with values 0..255; a label is an integer.
        class_names: Names in the order of the labels; by default the stream's own `class_names`, which
            those of `keras.utils.image_dataset_from_directory` have.

    Raises:
        ValueError: If the elements are others, there is none, or float images end at 1; when it is read, if
            a float image is outside 0..255.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> batches = [(np.zeros((4, 8, 8, 3), "uint8"), np.arange(4))] * 2
        >>> stream = krr.data.from_dataset(batches)
        The batches of the list are undone: the recipe makes its own.
        The order of the list is shuffled through a buffer of 4096 images.
        >>> [label for *_, label in stream.in_order()]
        [0, 1, 2, 3, 0, 1, 2, 3]
    """
    begin, size, name = _opened(stream)
    if hasattr(stream, "__next__"):
        raise ValueError(
            f"`dataset` must begin anew for each pass; {name} ends after the first: give what it was made from."
        )
    elements = begin()
    first = next(elements, None)
    if first is None:
        raise ValueError(f"`dataset` must hold at least one image; {name} is empty.")
    image, label = pair(first)
    batched = is_batch(image)
    if batched:
        print(f"The batches of {name} are undone: the recipe makes its own.")
        check_range([image])
        image, label = image[0], label[0]
    else:
        check_range([image, *(pair(one)[0] for one in itertools.islice(elements, _FIRST - 1))])
    checked((image, label), f"image 0 of {name}")
    print(f"The order of {name} is shuffled through a buffer of {SHUFFLE_BUFFER} images.")
    names = class_names or getattr(stream, "class_names", None)
    return ImageStream(
        name=name,
        start=passes(begin, name, batched=batched),
        size=None if size is None or size < 0 else size,
        endless=size == -1,
        class_names=None if names is None else tuple(names),
        describe=lambda position: f"image {position} of the stream",
    )


def passes(
    begin: Callable[[], Iterator[Any]], name: str, *, batched: bool
) -> Callable[[], Iterator[tuple[Any, int]]]:
    """Makes passes over checked images and labels from ones over anybody's examples or batches."""

    def examples() -> Iterator[tuple[Any, Any]]:
        for example in begin():
            image, label = pair(example)
            if batched:
                yield from zip(image, label, strict=True)
            else:
                yield image, label

    return lambda: (
        checked(example, f"image {position} of {name}")
        for position, example in enumerate(examples())
    )


def is_tensorflow(source: Any) -> bool:
    """Whether something is a tf.data.Dataset; TensorFlow is not imported to know."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(source, tensorflow.data.Dataset)


def _opened(stream: Any) -> tuple[Callable[[], Iterator[Any]], int | None, str]:
    """What begins a pass, its number of images (-1 for one without end), and its name."""
    if not is_tensorflow(stream):
        return lambda: iter(stream), None, f"the {type(stream).__name__}"
    rank = getattr(getattr(pair(stream.element_spec)[0], "shape", None), "rank", None)
    # Of an endless one it is -1 for TensorFlow, too.
    cardinality = (stream.unbatch() if rank in (1, 4) else stream).cardinality()
    return stream.as_numpy_iterator, int(cardinality), "the tf.data.Dataset"
