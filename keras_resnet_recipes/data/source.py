"""Whatever a user calls a data set, as an `ImageDataset`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_resnet_recipes.data.arrays import from_arrays, from_memory
from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.folder import from_folder
from keras_resnet_recipes.data.manifest import from_csv
from keras_resnet_recipes.data.shards import INDEX, from_prepared
from keras_resnet_recipes.data.streams import from_dataset, from_tfds
from keras_resnet_recipes.memory import ImageArrays, is_npz
from keras_resnet_recipes.names import closest_path


def from_source(
    source: Any, *, split: str = "train", class_names: Sequence[str] | None = None
) -> ImageDataset:
    """An `ImageDataset` from anything `Recipe.fit` takes.

    Args:
        source: An existing folder with one subfolder a class, or of `krr prepare`; a .csv file; an
            .npz file with x_train, y_train, x_test and y_test; a TFDS name (`"tfds:NAME"` or bare), a pair of
            arrays, a tf.data.Dataset or an `ImageDataset`.
        split: Split of a TFDS name, or "train" or "validation" of an .npz file.
        class_names: Names of the classes in the order of the labels, for a folder or .csv file.

    Raises:
        ValueError: If it is none of these, or cannot be read.

    >>> import numpy as np, keras_resnet_recipes as krr
    >>> krr.data.from_source((np.zeros((2, 8, 8, 3), "uint8"), np.arange(2))).name
    'the arrays'
    """
    if isinstance(source, ImageDataset):
        return source
    if isinstance(source, tf.data.Dataset):
        return from_dataset(source)
    if isinstance(source, tuple | list) and len(source) == 2:
        return from_arrays(*source)
    if isinstance(source, str | Path):
        return _from_name(str(source), split, class_names)
    received = type(source).__name__
    if isinstance(source, tuple | list):
        received = f"a {received} of {len(source)}"
    raise ValueError(
        "`dataset` must be an existing folder with one subfolder a class or of `krr prepare`, a .csv or .npz file, "
        "a TFDS name such as 'tfds:imagenette', "
        f"arrays (x, y), a tf.data.Dataset or a krr.data.ImageDataset; received {received}."
    )


def _from_name(name: str, split: str, class_names: Sequence[str] | None) -> ImageDataset:
    if name.startswith("tfds:"):
        return from_tfds(name.removeprefix("tfds:"), split)
    path = Path(name).expanduser()
    if is_npz(path):
        return from_memory(ImageArrays.from_npz(path, split))
    if (path / INDEX).is_file():
        return from_prepared(path, class_names)
    if path.suffix == ".csv":
        return from_csv(path, class_names)
    looks_like_path = "." in name.split("/")[0] or name.startswith(("/", "~")) or "\\" in name
    if path.exists() or looks_like_path:
        return from_folder(path, class_names)
    try:
        return from_tfds(name, split)
    except ValueError as error:
        raise ValueError(f"there is no folder {name!r}.{closest_path(path)} And {error}") from None
