"""Conversion of any supported data set to an `ImageDataset` or `ImageStream`."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet_recipes.data.arrays import ImageArrays, has_test_images, is_npz
from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, from_arrays, from_memory
from keras_resnet_recipes.data.folder import from_folder, split_folders
from keras_resnet_recipes.data.iterables import from_dataset, from_indexable
from keras_resnet_recipes.data.labels import agreeing, by_number, like_training, shifted
from keras_resnet_recipes.data.manifest import from_csv
from keras_resnet_recipes.data.shards import INDEX, from_prepared
from keras_resnet_recipes.data.tfds import from_tfds
from keras_resnet_recipes.files import local_path
from keras_resnet_recipes.names import closest_path


def from_source(
    source: Any,
    *,
    split: str = "train",
    class_names: Sequence[str] | None = None,
    like: ImageDataset | ImageStream | None = None,
    label_offset: int = 0,
    max_pixels: int | None = None,
) -> ImageDataset | ImageStream:
    """Returns any data set that `Recipe.fit` accepts as an `ImageDataset` or `ImageStream`.

    Args:
        source: An existing folder with one subfolder per class, or of `krr prepare`; a .csv file; an
            .npz file with x_train, y_train, x_test and y_test; a TFDS name (`"tfds:NAME"` or `"NAME"`); a pair of
            arrays; any data set with `len` and `[i]`, such as those of torch, grain and Hugging Face, and a list of
            pairs; a tf.data.Dataset, torch DataLoader or other iterable; an `ImageDataset` or `ImageStream`.
        split: A split of a TFDS name, "train" or "validation" of an .npz file, or one of these or "test" of a
            folder that contains `train` and another split.
        class_names: Names in the order of the labels, for a data set with class names.
        like: The training data, whose labels are used; instead of `class_names`.
        label_offset: Subtracted from integer labels: 1 for labels 1 to 1000. Class names need none.
        max_pixels: Larger images are unreadable; by default 89,478,485.

    Raises:
        ValueError: If `source` is none of these, or cannot be read.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> krr.data.from_source((np.zeros((2, 8, 8, 3), "uint8"), np.arange(2))).name
        'the arrays'
    """
    if like is not None:
        class_names = like.class_names
    data = source
    if not isinstance(source, ImageDataset | ImageStream):
        data = _found(source, split, class_names)
    data = shifted(data, label_offset)
    data = agreeing(data, class_names)
    if like is not None and class_names is None:
        data = by_number(data)
    if like is not None:
        data = like_training(data, like)
    return data if max_pixels is None else dataclasses.replace(data, max_pixels=max_pixels)


def has_validation(source: Any, *, test: bool = True) -> bool:
    """Returns whether a source contains validation images next to the training images.

    It does if it is an .npz file with x_test, or a folder with `train` and `val` (or `validation`, `test`).

    Args:
        source: As for `from_source`.
        test: Whether test images, x_test and the folder `test`, count.

    Example:
        >>> has_validation("no/such/folder")
        False
    """
    if not isinstance(source, str | Path):
        return False
    path = Path(source).expanduser()
    if is_npz(path):
        return test and has_test_images(path)
    folders = split_folders(path)
    return "validation" in folders and (test or folders["validation"] != folders.get("test"))


def with_siblings(source: str) -> str:
    """Returns the parent of a folder `train` that has validation images next to it; otherwise the source.

    Example:
        >>> with_siblings("no/such/folder")
        'no/such/folder'
    """
    path = Path(source).expanduser()
    folder = split_folders(path.parent).get("train") if path.name and path.is_dir() else None
    same = folder is not None and Path(folder).resolve() == path.resolve()
    return str(path.parent) if same and has_validation(path.parent) else source


def _found(
    source: Any, split: str, class_names: Sequence[str] | None
) -> ImageDataset | ImageStream:
    """Returns the data set; `class_names` are used by sources that derive their classes."""
    if isinstance(source, ImageArrays):
        return from_memory(source)
    if isinstance(source, str | Path):
        return _named(str(source), split, class_names)
    if isinstance(source, list) and source and isinstance(source[0], tuple | Mapping):
        return from_indexable(source)
    if isinstance(source, tuple | list) and len(source) == 2:
        return from_arrays(*source)
    if not isinstance(source, Mapping | np.ndarray | bytes | tuple | list):
        if hasattr(source, "__len__") and hasattr(source, "__getitem__"):
            return from_indexable(source)
        if hasattr(source, "__iter__"):
            return from_dataset(source)
    received = type(source).__name__
    if isinstance(source, tuple | list):
        received = f"a {received} of {len(source)}"
    raise ValueError(
        "`dataset` must be an existing folder with one subfolder per class or of `krr prepare`, a .csv or .npz file, "
        "a TFDS name such as 'tfds:imagenette', arrays (x, y), a data set of torch, grain, Hugging Face or Keras, "
        f"a tf.data.Dataset or a krr.data.ImageDataset. Received: {received}"
    )


def _named(name: str, split: str, class_names: Sequence[str] | None) -> ImageDataset | ImageStream:
    if name.startswith("tfds:"):
        return from_tfds(name.removeprefix("tfds:"), split)
    path = local_path("dataset", name)
    if is_npz(path):
        return from_memory(ImageArrays.from_npz(path, split))
    if (path / INDEX).is_file():
        return from_prepared(path, class_names)
    if path.suffix.lower() in (".csv", ".tsv"):
        return from_csv(path, class_names)
    looks_like_path = "." in name.split("/")[0] or name.startswith(("/", "~")) or "\\" in name
    if path.exists() or looks_like_path:
        return from_folder(path, class_names, split=split)
    try:
        return from_tfds(name, split)
    except ValueError as error:
        raise ValueError(f"there is no folder {name!r}.{closest_path(path)} {error}") from None
