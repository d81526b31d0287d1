"""Third-party data sets of (image, label): indexable ones with a length, and iterables."""

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from keras_resnet_recipes.data.dataset import SHUFFLE_BUFFER, ImageDataset, ImageStream
from keras_resnet_recipes.data.decode import UnreadableImage
from keras_resnet_recipes.data.folder import contents_of
from keras_resnet_recipes.hints import label_hint, range_hint, shape_hint

# Images checked before training, to detect pixels of 0..1 at once.
_FIRST = 16
_WANTED = (
    "`dataset` must yield (image, label): a Pillow image, encoded bytes, or pixels, uint8 or float with values 0..255, "
    "[height, width, 3 or 1], and an integer label"
)
# In these forms an image is a single, undecoded one.
_FILES = bytes | Image.Image | Mapping
_IMAGE_KEYS, _LABEL_KEYS = ("image", "img"), ("label", "labels", "fine_label")


def from_indexable(
    data: Any, class_names: Sequence[str] | None = None
) -> ImageDataset | ImageStream:
    """Returns a data set with `len(data)` and `data[i]` as an `ImageDataset`.

    Examples are torch's map-style data sets, grain's MapDataset, Hugging Face data sets, and sequences. If the
    elements are batches, as of a `keras.utils.PyDataset`, an `ImageStream` of their images is returned.

    Args:
        data: Elements (image, label) or dictionaries with the keys `image` and `label`. An image is a Pillow image,
            the contents of an image file as bytes, or pixels [height, width, 3 or 1], uint8 or float with
            values 0..255; a label is an integer. It is read by several threads at once.
        class_names: Names in the order of the labels; by default the data set's own, its `class_names`,
            `classes` (torchvision) or `features["label"].names` (Hugging Face).

    Raises:
        ValueError: If the data set is empty, its elements are of another form, or no value of its pixels
            exceeds 1; when it is read, if a float image is outside 0..255.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> pairs = [(Image.new("L", (4, 4)), label) for label in range(5)]
        >>> images = krr.data.from_indexable(pairs)
        >>> images.size, images.read(3)[1]
        (5, 3)
    """
    size, name, names = len(data), f"the {type(data).__name__}", _names(data, class_names)
    if _check_first((data[index] for index in range(size)), name):
        # Reading single images by index would read a whole batch for each.
        first, last = (len(_pair(data[index])[1]) for index in (0, size - 1))
        images = (size - 1) * first + last
        return _stream(lambda: _batches(data), name, batched=True, size=images, class_names=names)

    def read(index: int) -> tuple[Any, int]:
        try:
            example = data[index]
        except OSError as error:  # from Pillow, for a file that the data set opened
            raise UnreadableImage(str(error).splitlines()[0]) from None
        return _checked(*_pair(example), f"image {index} of {name}")

    return ImageDataset(name=name, size=size, read=read, class_names=names)


def from_dataset(stream: Iterable[Any], class_names: Sequence[str] | None = None) -> ImageStream:
    """Returns an iterable of (image, label) as an `ImageStream`.

    Batches are unbatched. Because there is no index, images are shuffled with a buffer of 4096: a stream
    sorted by class should be shuffled beforehand. An epoch continues where the previous one stopped.

    Args:
        stream: A tf.data.Dataset, a torch DataLoader or any other iterable that starts a new pass for each
            iterator. Elements are (image, label) or dictionaries with the keys `image` and `label`, or batches
            of these. An image is a Pillow image, the contents of an image file as bytes, or pixels
            [height, width, 3 or 1], uint8 or float with values 0..255; a label is an integer.
        class_names: Names in the order of the labels; by default the stream's own, such as those of
            `keras.utils.image_dataset_from_directory`; see `from_indexable`.

    Raises:
        ValueError: If the stream is empty, its elements are of another form, or no value of its pixels
            exceeds 1; when it is read, if a float image is outside 0..255.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> batches = [(np.zeros((4, 8, 8, 3), "uint8"), np.arange(4))] * 2
        >>> stream = krr.data.from_dataset(batches)
        The batches of the list are unbatched: the recipe forms its own.
        The order of the list is shuffled with a buffer of 4096 images.
        >>> [label for *_, label in stream.in_order()]
        [0, 1, 2, 3, 0, 1, 2, 3]
    """
    name, begin, size = f"the {type(stream).__name__}", lambda: iter(stream), None
    if hasattr(stream, "__next__"):
        raise ValueError(
            f"`dataset` must be iterable more than once. Received: {name}, which ends after one pass. Pass the "
            "object from which it was created."
        )
    # Checked without importing TensorFlow.
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and isinstance(stream, tensorflow.data.Dataset):
        name, begin = "the tf.data.Dataset", stream.as_numpy_iterator
        rank = getattr(getattr(_pair(stream.element_spec)[0], "shape", None), "rank", None)
        # TensorFlow's cardinality is -1 for an endless data set, and -2 if it is unknown.
        size = int((stream.unbatch() if rank in (1, 4) else stream).cardinality())
    return _stream(
        begin,
        name,
        batched=_check_first(begin(), name),
        size=None if size is None or size < 0 else size,
        endless=size == -1,
        class_names=_names(stream, class_names),
        describe=lambda position: f"image {position} of the stream",
    )


def _stream(
    begin: Callable[[], Iterator[Any]], name: str, *, batched: bool, **known: Any
) -> ImageStream:
    """Returns a stream of examples or batches; `begin` starts a pass, `name` is the name in messages."""
    if batched:
        print(f"The batches of {name} are unbatched: the recipe forms its own.")
    print(f"The order of {name} is shuffled with a buffer of {SHUFFLE_BUFFER} images.")

    def start() -> Iterator[tuple[Any, int]]:
        passed = map(_pair, begin())
        if batched:
            passed = itertools.chain.from_iterable(map(functools.partial(_unbatched, name), passed))
        for position, example in enumerate(passed):
            yield _checked(*example, f"image {position} of {name}")

    return ImageStream(name=name, start=start, **known)


def _unbatched(name: str, batch: tuple[Any, Any]) -> Iterator[tuple[Any, Any]]:
    images, labels = batch
    if len(images) != len(labels):
        raise ValueError(
            f"batches of {name} must have a label for each image. "
            f"Received: {len(images)} images, {len(labels)} labels"
        )
    return zip(images, labels, strict=True)


def _batches(data: Any) -> Iterator[Any]:
    yield from (data[index] for index in range(len(data)))
    if hasattr(data, "on_epoch_end"):  # which shuffles, in Keras
        data.on_epoch_end()


def _names(data: Any, class_names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Returns the given class names, or else the data set's own."""
    features = getattr(data, "features", None)
    label = features.get("label") if hasattr(features, "get") else None
    own = [getattr(data, name, None) for name in ("class_names", "classes")]
    for names in (class_names or None, *own, getattr(label, "names", None)):
        if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
            return tuple(names)
    return None


def _pair(example: Any) -> tuple[Any, Any]:
    """Returns image and label of an example, which is a pair or a dictionary of the two."""
    if isinstance(example, Mapping):
        image = [key for key in _IMAGE_KEYS if key in example]
        label = [key for key in _LABEL_KEYS if key in example]
        if image and label:
            return example[image[0]], example[label[0]]
        raise ValueError(f"{_WANTED}. Received: a dictionary of {', '.join(map(str, example))}")
    if isinstance(example, tuple | list) and len(example) == 2:
        return tuple(example)
    raise ValueError(f"{_WANTED}. Received: {_described(example)}")


def _is_batch(image: Any) -> bool:
    """Returns whether an element is a batch of images.

    Example:
        >>> _is_batch(np.zeros((2, 4, 4, 3))), _is_batch(np.zeros((4, 4, 3))), _is_batch(b"")
        (True, False, False)
    """
    if isinstance(image, _FILES):
        return False
    pixels = np.asarray(image)
    return pixels.ndim == 4 or (pixels.ndim == 1 and pixels.dtype.kind in "OS")


def _check_first(examples: Iterator[Any], name: str) -> bool:
    """Checks the first examples, and returns whether they are batches.

    Pixels in 0..1 are errors, because they would be trained on as black images; bytes of 0 are black.
    """
    first = next(examples, None)
    if first is None:
        raise ValueError(
            f"`dataset` must contain at least one image. Received: {name}, which is empty"
        )
    image, label = _pair(first)
    images, batched = image, _is_batch(image)
    if batched:
        image, label = image[0], label[0]
    _checked(image, label, f"image 0 of {name}")
    if _has_pixels(image):
        if not batched:
            images = [image, *(_pair(one)[0] for one in itertools.islice(examples, _FIRST - 1))]
        pixels = [np.asarray(one) for one in images if _has_pixels(one)]
        low, high = float(min(map(np.min, pixels))), float(max(map(np.max, pixels)))
        black = pixels[0].dtype == np.uint8 and high == 0
        if high <= 1 and not black:
            raise ValueError(
                "images of `dataset` must have values 0..255. "
                f"Received: {low:g}..{high:g}.{range_hint(low, high)}"
            )
    return batched


def _has_pixels(image: Any) -> bool:
    return not isinstance(image, _FILES) and np.asarray(image).dtype.kind in "fu"


def _checked(image: Any, label: Any, name: str) -> tuple[Any, int]:
    """Returns image and label as for `ImageDataset.read`; `name` is the image's name in messages.

    Example:
        >>> image, label = _checked(np.full((2, 2), 99.6), np.int64(1), "image 7")
        >>> image[0, 0], image.dtype, label
        (np.uint8(100), dtype('uint8'), 1)
    """
    image, number = _checked_image(image, name), np.asarray(label)
    if number.shape == (1,):
        number = number[0]
    if number.ndim or not np.issubdtype(number.dtype, np.integer):
        raise ValueError(
            f"{_WANTED}. Received: label of {name} of type {_described(label)}.{label_hint(number[None])}"
        )
    if number < 0:
        raise ValueError(f"labels must be 0 or more. Received: {number} for {name}")
    return image, int(number)


def _checked_image(image: Any, name: str) -> Any:
    if isinstance(image, bytes | Image.Image):
        return image
    if isinstance(image, Mapping) and {*image} >= {"bytes", "path"}:  # undecoded, by Hugging Face
        return image["bytes"] if image["bytes"] is not None else contents_of(image["path"])
    pixels = np.asarray(image)
    if pixels.ndim == 0 and isinstance(pixels[()], bytes):
        return pixels[()]
    floats = np.issubdtype(pixels.dtype, np.floating)
    is_image = pixels.ndim >= 2 and pixels.shape[2:] in ((), (1,), (3,))
    if not is_image or not (floats or pixels.dtype == np.uint8):
        hint = "" if is_image else shape_hint((1, *pixels.shape))
        raise ValueError(f"{_WANTED}. Received: {name} of type {_described(image)}.{hint}")
    if not floats:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 255):  # nor is NaN
        raise ValueError(
            "float images must have values 0..255. "
            f"Received: {low:g}..{high:g} for {name}.{range_hint(low, high)}"
        )
    return np.rint(pixels).astype(np.uint8)


def _described(value: Any) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{dtype} and shape {shape}"
