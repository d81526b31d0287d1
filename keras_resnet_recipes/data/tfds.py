"""Images from TensorFlow Datasets."""

import re
from typing import Any

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream
from keras_resnet_recipes.extras import install
from keras_resnet_recipes.names import closest


def from_tfds(name: str, split: str = "train") -> ImageDataset | ImageStream:
    """Returns a data set of TensorFlow Datasets, which is downloaded and prepared if necessary.

    A data set stored for random access (`file_format="array_record"`, used for data sets prepared here) is returned
    as an `ImageDataset`, which is shuffled completely and read without TensorFlow; any other as an `ImageStream`.

    Args:
        name: Name with optional configuration and version, such as `"imagenette/160px-v2"`.
        split: Name of a split, a part of one such as `"train[:80%]"`, or a sum such as `"train+test"`.
            `"validation"` means `"test"` if the data set has no validation split.

    Raises:
        ValueError: If there is no such data set or split, or it has no image and label.
        ImportError: If `tensorflow_datasets` is not installed.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise ImportError(
            f"tfds:{name} requires TensorFlow Datasets: run {install('tensorflow')}."
        ) from None
    builder = _builder(tfds, name)
    if not {"image", "label"} <= set(builder.info.features or ()):
        raise ValueError(
            f"tfds:{name} must have the features `image` and `label`. Received: {list(builder.info.features)}"
        )
    builder.download_and_prepare()
    split = _known_split(builder, split)
    decoders = {"image": tfds.decode.SkipDecoding()}
    known = {"name": f"tfds:{name}", "class_names": tuple(builder.info.features["label"].names)}
    if builder.info.file_format is tfds.core.FileFormat.ARRAY_RECORD:
        source = builder.as_data_source(split=split, decoders=decoders)
        return ImageDataset(
            size=len(source), read=lambda index: _image_and_label(source[index]), **known
        )
    stream = builder.as_dataset(split=split, decoders=decoders)
    size = int(stream.cardinality())
    return ImageStream(
        size=size if size > 0 else None,
        start=lambda: map(_image_and_label, stream.as_numpy_iterator()),
        **known,
    )


def _image_and_label(example: dict[str, Any]) -> tuple[bytes, int]:
    return example["image"], int(example["label"])


def _known_split(builder: Any, split: str) -> str:
    known = list(builder.info.splits)
    if split == "validation" and split not in known and "test" in known:
        return "test"
    wanted = [re.sub(r"\[.*\]$", "", part.strip()) for part in split.split("+")]
    if known and not set(wanted) <= {*known, "all"}:
        hint = ""
        if known == ["train"]:
            hint = (
                f" Use parts of it: krr.data.from_tfds({builder.name!r}, split='train[:90%]') for training, "
                "'train[90%:]' for validation."
            )
        raise ValueError(
            f"`split` of tfds:{builder.name} must be one of {', '.join(known)}. "
            f"Received: split={split!r}{hint and '.' + hint}"
        )
    return split


def _builder(tfds: Any, name: str) -> Any:
    try:
        builder = tfds.builder(name)
        if not builder.info.splits:  # nothing is prepared yet
            return tfds.builder(name, file_format=tfds.core.FileFormat.ARRAY_RECORD)
        return builder
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AttributeError) as error:
        names = tfds.list_builders(with_community_datasets=False)
        unknown = isinstance(error, tfds.core.registered.DatasetNotFoundError)
        detail = "" if unknown else f" ({str(error).splitlines()[0]})"
        raise ValueError(
            f"TensorFlow Datasets has no data set {name!r}.{closest(name, names)}{detail}"
        ) from None
