"""Identity of a data set: what tells whether a run resumes on the images that it began with."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream

Identity = dict[str, dict[str, Any]]
# Of more images the contents are sampled: the size of a file is a call each, minutes for ImageNet on a network.
_SAMPLED = 50_000
_SHOWN = 3


def identity(data: ImageDataset | ImageStream) -> Identity:
    """Returns the number of images of each class, and digests of their names and contents.

    Names are relative to the data set, which may move. Contents are the sizes of files or the pixels of arrays,
    of 50,000 images at regular intervals if there are more; prepared folders have the SHA-256 of their shards as
    names. A data set whose labels are unknown without reading it, and a stream, have their number of images only.

    Args:
        data: The data set.

    Returns:
        By class name or label, "images", and where known "names" and "contents".

    Example:
        >>> import keras_resnet_recipes as krr
        >>> images = krr.data.from_arrays(np.zeros((3, 8, 8), "uint8"), np.array([0, 1, 1]))
        >>> identity(images)["1"]
        {'images': 2, 'contents': 'db56114e00fdd4c1'}
    """
    if data.labels is None:
        return {"all classes": {"images": data.size}}
    if data.multi_label:
        return _of_several(data)
    names = data.class_names or range(int(data.labels.max()) + 1)
    order = np.argsort(data.labels, kind="stable")
    ends = np.cumsum(np.bincount(data.labels, minlength=len(names)))
    classes = np.split(order, ends[:-1])
    return {
        str(name): _of_class(data, indices.tolist())
        for name, indices in zip(names, classes, strict=True)
    }


def _of_several(data: ImageDataset | ImageStream) -> Identity:
    """The identity of images with several labels: each is an image of all its classes."""
    names = data.class_names or range(data.labels.shape[1])
    classes = {str(name): data.labels[:, label] > 0 for label, name in enumerate(names)}
    classes["no class"] = ~data.labels.any(axis=1)
    return {
        name: _of_class(data, np.flatnonzero(images).tolist()) for name, images in classes.items()
    }


def differences(before: Identity | None, now: Identity | None) -> str:
    """Returns what differs between two identities, as text.

    Example:
        >>> differences({"cat": {"images": 2, "names": "12"}}, {"cat": {"images": 2, "names": "34"}})
        "other names in class 'cat'"
    """
    if not before or not now:
        return f"{'data' if now else 'none'} instead of {'data' if before else 'none'}"
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    shown = [
        _difference(name, before.get(name, {}), now.get(name, {})) for name in changed[:_SHOWN]
    ]
    more = len(changed) - len(shown)
    return "; ".join(shown) + (f"; changes in {more} more classes" if more else "")


def _of_class(data: ImageDataset | ImageStream, indices: list[int]) -> dict[str, Any]:
    known: dict[str, Any] = {"images": len(indices)}
    if data.key is not None:
        known["names"] = _digest(
            data.key(index).encode(errors="surrogateescape") for index in indices
        )
    if data.stamp is not None:
        step = -(-data.size // _SAMPLED)
        known["contents"] = _digest(data.stamp(index) for index in indices if index % step == 0)
    return known


def _digest(values: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for value in values:
        # Each by itself, or "ab" and "c" would be "a" and "bc".
        whole.update(hashlib.sha256(value).digest())
    return whole.hexdigest()[:16]


def _difference(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    counts = [known.get("images", 0) for known in (before, now)]
    if counts[0] != counts[1]:
        return f"{counts[1]} images instead of {counts[0]} in class {name!r}"
    changed = [part for part in ("names", "contents") if before.get(part) != now.get(part)]
    return f"other {' and '.join(changed)} in class {name!r}"
