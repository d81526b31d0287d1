"""Any data set with a length and an index: of torch, grain, Hugging Face, Keras or one's own."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.data.dataset import SHUFFLE_BUFFER, ImageDataset, ImageStream
from keras_resnet_recipes.data.decode import UnreadableImage
from keras_resnet_recipes.data.examples import check_range, checked, is_batch, pair
from keras_resnet_recipes.data.streams import passes

_FIRST = 16


def from_indexable(
    data: Any, class_names: Sequence[str] | None = None
) -> ImageDataset | ImageStream:
    """A data set with `len(data)` and `data[i]` as an `ImageDataset`.

    Such are torch's map-style data sets, grain's MapDataset, Hugging Face data sets, and sequences. One whose
    elements are batches, such as a `keras.utils.PyDataset`, becomes an `ImageStream` of their images.

    Args:
        data: Elements (image, label) or dictionaries with the keys `image` and `label`. An image is a Pillow image,
            the contents of an image file as bytes, or pixels [height, width, 3 or 1], uint8 or float with
            values 0..255; a label is an integer. It is read from several threads at once.
        class_names: Names in the order of the labels; by default those that the data set has as `class_names`,
            `classes` (torchvision) or `features["label"].names` (Hugging Face).

    Raises:
        ValueError: If the elements are others, there is none, or float images end at 1; when it is read, if
            a float image is outside 0..255.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> pairs = [(Image.new("L", (4, 4)), label) for label in range(5)]
        >>> images = krr.data.from_indexable(pairs)
        >>> images.size, images.read(3)[1]
        (5, 3)
    """
    size, name = len(data), f"the {type(data).__name__}"
    if not size:
        raise ValueError(f"`dataset` must hold at least one image; {name} is empty.")
    names = class_names or _own_names(data)
    names = None if names is None else tuple(names)
    image, labels = pair(data[0])
    if is_batch(image):
        return _of_batches(data, name, names)
    checked((image, labels), f"image 0 of {name}")
    if hasattr(image, "dtype") and np.asarray(image).dtype != np.uint8:
        check_range([pair(data[index])[0] for index in range(min(size, _FIRST))])

    def read(index: int) -> tuple[Any, int]:
        try:
            example = data[index]
        except OSError as error:  # Pillow's, of a file that the data set opened
            raise UnreadableImage(str(error).splitlines()[0]) from None
        return checked(example, f"image {index} of {name}")

    return ImageDataset(name=name, size=size, read=read, class_names=names)


def _of_batches(data: Any, name: str, class_names: tuple[str, ...] | None) -> ImageStream:
    """Batches that have an index: their images have none without reading a batch for each."""
    last = len(data) - 1
    size = last * len(pair(data[0])[1]) + len(pair(data[last])[1])
    check_range([pair(data[0])[0]])
    print(f"The batches of {name} are undone: the recipe makes its own.")
    print(f"The order of {name} is shuffled through a buffer of {SHUFFLE_BUFFER} images.")

    def begin() -> Iterator[Any]:
        yield from (data[index] for index in range(len(data)))
        if hasattr(data, "on_epoch_end"):  # which shuffles, in Keras
            data.on_epoch_end()

    return ImageStream(
        name=name,
        start=passes(begin, name, batched=True),
        size=size,
        class_names=class_names,
        describe=lambda position: f"image {position} of {name}",
    )


def _own_names(data: Any) -> Sequence[str] | None:
    features = getattr(data, "features", None)
    label = features.get("label") if hasattr(features, "get") else None
    for names in (
        getattr(data, "class_names", None),
        getattr(data, "classes", None),
        getattr(label, "names", None),
    ):
        if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
            return names
    return None
