"""Splitting a data set into training and validation images."""

import dataclasses
from typing import Any

import numpy as np

from keras_resnet_recipes.data.arrays import ImageArrays
from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.source import from_source


def split(data: Any, fraction: float = 0.2, seed: int = 0) -> tuple[ImageDataset, ImageDataset]:
    """Splits a data set at random into training and validation images, per class.

    Of a class with n images, round(fraction * n) are validation images, at least one and at most n - 1; a class with
    a single image keeps it for training. Images with several labels are drawn from all images.

    Args:
        data: Any data set that `from_source` accepts, with random access: not an iterable or a tf.data.Dataset.
        fraction: Fraction of validation images, above 0 and below 1.
        seed: Seed of the choice.

    Returns:
        The training and the validation images, each in the order of `data`.

    Raises:
        ValueError: If `data` is a stream, `fraction` is not legal, or no class has two images.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> data = np.zeros((20, 8, 8, 3), "uint8"), np.arange(20) % 4
        >>> training, validation = krr.data.split(data, 0.2)
        >>> training.size, sorted(validation.labels.tolist())
        (16, [0, 1, 2, 3])
    """
    data = from_source(data)
    if not isinstance(data, ImageDataset):
        raise ValueError(
            "`data` must have random access to be split; give validation data instead. "
            f"Received: {data.name}"
        )
    if not isinstance(fraction, float) or not 0 < fraction < 1:
        raise ValueError(f"`fraction` must be between 0 and 1. Received: fraction={fraction!r}")
    labels = np.zeros(data.size) if data.multi_label else data.all_labels
    rng = np.random.default_rng(seed)
    chosen = []
    # Unreadable images are -1, and stay in the training set, which reports them.
    for label in np.unique(labels[labels >= 0]):
        indices = np.flatnonzero(labels == label)
        count = min(max(round(fraction * len(indices)), 1), len(indices) - 1)
        chosen.append(rng.permutation(indices)[:count])
    validation = np.sort(np.concatenate(chosen))
    if not len(validation):
        raise ValueError(
            "`data` must have a class with two images or more to be split; give validation data (--val) instead. "
            f"Received: {data.summary()}"
        )
    training = np.setdiff1d(np.arange(data.size), validation)
    return (
        subset(data, training, f"training part of {data.name}", drawn=True),
        subset(data, validation, f"validation part of {data.name}", drawn=True),
    )


def subset(
    data: ImageDataset, indices: np.ndarray, name: str, *, drawn: bool = False
) -> ImageDataset:
    """Returns some images of a data set.

    Args:
        data: The data set.
        indices: Indices of the images, int64 [n].
        name: Name in messages.
        drawn: Whether the indices were drawn at random.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> data = krr.data.from_arrays(np.zeros((4, 8, 8, 3), "uint8"), np.arange(4))
        >>> subset(data, np.array([1, 3]), "odd ones").labels
        array([1, 3])
    """
    chosen = indices.tolist()

    def of(function: Any) -> Any:
        return None if function is None else lambda index: function(chosen[index])

    arrays = data.arrays
    if arrays is not None:
        arrays = ImageArrays(name, arrays.images[indices], arrays.labels[indices])
    return dataclasses.replace(
        data,
        name=name,
        size=len(chosen),
        read=of(data.read),
        labels=None if data.labels is None else data.labels[indices],
        describe=of(data.describe),
        key=of(data.key),
        stamp=of(data.stamp),
        arrays=arrays,
        drawn=drawn,
    )
