"""Images from any tf.data.Dataset, TensorFlow Datasets among them."""

from typing import Any

import tensorflow as tf

from keras_resnet_recipes.data.arrays import as_rgb
from keras_resnet_recipes.data.dataset import SHUFFLE_BUFFER, ImageDataset
from keras_resnet_recipes.hints import label_hint, range_hint
from keras_resnet_recipes.names import closest

_WANTED = (
    "`dataset` must yield (image, label): uint8 [height, width, 3 or 1], float with values 0..255, "
    "or encoded bytes, and an integer label"
)


def from_dataset(dataset: tf.data.Dataset) -> ImageDataset:
    """A tf.data.Dataset of (image, label) as an `ImageDataset`.

    Batches are undone. Without an index the images are shuffled through a buffer of 4096, and
    only once the stream has given them: a stream sorted by class should be shuffled before.

    Args:
        dataset: Elements (image, label): image uint8 or float 0..255, [height, width, 3 or 1], or a
            scalar string with a file's contents; label an integer. Or batches of these.

    Raises:
        ValueError: If the elements are others, there is none, or float images end at 1.

    >>> import tensorflow as tf, keras_resnet_recipes as krr
    >>> pair = tf.zeros((5, 8, 8, 3), tf.uint8), tf.range(5)
    >>> images = krr.data.from_dataset(tf.data.Dataset.from_tensor_slices(pair))
    The order of a tf.data.Dataset is shuffled through a buffer of 4096 images.
    >>> images.size
    5
    """
    dataset = _unbatched(dataset)
    image = _checked_image(dataset)
    if image.dtype.is_floating:
        _check_range(dataset)
    size = int(dataset.cardinality())
    if size == 0:
        raise ValueError("`dataset` must hold at least one image; it is empty.")
    print(
        f"The order of a tf.data.Dataset is shuffled through a buffer of {SHUFFLE_BUFFER} images."
    )

    def read(element: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        image, label = element
        if image.dtype.is_floating:
            image = tf.cast(tf.round(image), tf.uint8)
        image = image if image.dtype == tf.string else as_rgb(image)
        return image, tf.cast(tf.reshape(label, ()), tf.int64)

    return ImageDataset(
        name="the tf.data.Dataset",
        size=size if size > 0 else None,
        classes=None,
        class_names=None,
        encoded=image.dtype == tf.string,
        read=read,
        describe=lambda position: f"image {position} of the stream",
        stream=dataset,
    )


def from_tfds(name: str, split: str = "train") -> ImageDataset:
    """A prepared or downloadable data set of TensorFlow Datasets as an `ImageDataset`.

    Its files are shuffled, and their images through a buffer of 4096. `"validation"` takes `"test"`
    where a data set has no validation split.

    Args:
        name: Name with optional configuration and version, such as `"imagenette/160px-v2"`.
        split: Split by name.

    Raises:
        ValueError: If there is no such data set or split, or it has no image and label.
        ImportError: If `tensorflow_datasets` is not installed.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise ImportError(
            f"tfds:{name} is read with TensorFlow Datasets: pip install tensorflow-datasets"
        ) from None
    builder = _builder(tfds, name)
    if not {"image", "label"} <= set(builder.info.features or ()):
        raise ValueError(
            f"tfds:{name} must have the features `image` and `label`; it has {list(builder.info.features)}."
        )
    builder.download_and_prepare()
    split = _known_split(builder, split)
    stream = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
    size, label = int(stream.cardinality()), builder.info.features["label"]
    return ImageDataset(
        name=f"tfds:{name}",
        size=size if size > 0 else None,
        classes=label.num_classes,
        class_names=tuple(label.names),
        encoded=True,
        read=lambda element: (element["image"], tf.cast(element["label"], tf.int64)),
        describe=lambda position: f"image {position} of tfds:{name}",
        stream=stream,
    )


def _known_split(builder: Any, split: str) -> str:
    known = list(builder.info.splits)
    if split == "validation" and split not in known and "test" in known:
        return "test"
    if known and split not in known:
        raise ValueError(
            f"`split` of tfds:{builder.name} must be one of {', '.join(known)}; received {split!r}."
        )
    return split


def _builder(tfds: Any, name: str) -> Any:
    try:
        return tfds.builder(name)
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AttributeError) as error:
        names = tfds.list_builders(with_community_datasets=False)
        raise ValueError(
            f"TensorFlow Datasets has no data set {name!r}.{closest(name, names)} "
            f"({str(error).splitlines()[0]})"
        ) from None


def _unbatched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    spec = dataset.element_spec
    if not (isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], tf.TensorSpec)):
        raise ValueError(f"{_WANTED}; its elements are {spec}.")
    image = spec[0]
    batched = image.shape.rank == 4 or (image.dtype == tf.string and image.shape.rank == 1)
    if not batched:
        return dataset
    print("The batches of the tf.data.Dataset are undone: the recipe makes its own.")
    return dataset.unbatch()


def _checked_image(dataset: tf.data.Dataset) -> tf.TensorSpec:
    image, label = dataset.element_spec
    pixels = (image.dtype == tf.uint8 or image.dtype.is_floating) and image.shape.rank in (2, 3)
    pixels = pixels and (image.shape.rank == 2 or image.shape[-1] in (1, 3))
    contents = image.dtype == tf.string and image.shape.rank == 0
    integer = label.dtype.is_integer and (label.shape.rank == 0 or label.shape == (1,))
    if not (pixels or contents) or not integer:
        hint = label_hint(label.shape.rank + 1) if pixels or contents else ""
        raise ValueError(f"{_WANTED}; its elements are {image} and {label}.{hint}")
    return image


def _check_range(dataset: tf.data.Dataset) -> None:
    """Looks at the first images only: a stream may be long, and 0..1 shows at once."""
    first = [image for image, _ in dataset.take(16)]
    low, high = (
        float(pick([pick_in(image) for image in first]))
        for pick, pick_in in ((min, tf.reduce_min), (max, tf.reduce_max))
    )
    if not (low >= 0 and 1 < high <= 255):
        raise ValueError(
            f"float images of `dataset` must have values 0..255; received {low:g}..{high:g}."
            f"{range_hint(low, high)}"
        )
