"""A prepared folder: shards of images with their labels, and an index of the shards."""

import dataclasses
import functools
import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet_recipes.data import records
from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.decode import UnreadableImage
from keras_resnet_recipes.data.labels import agreeing
from keras_resnet_recipes.data.records import Shard
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import printable

INDEX = "index.json"
_FORMAT = 2
# Files open at a time, fewer than the default limit of 1024 per process.
_OPEN = 512


@dataclasses.dataclass(kw_only=True)
class Index:
    """Contents of index.json in a prepared folder.

    Args:
        format: Version of the format.
        source: Source of the images, and settings of their preparation.
        class_names: Names in the order of the labels, or None.
        classes: Number of classes: that of the source, or else the largest label plus one.
        images: Number of images in the shards.
        bytes: Size of the shards in bytes.
        left_out: Names of unreadable images, with the reasons.
        done: Number of processed images of the source.
        complete: Whether the folder is complete.
        shards: The shards.
    """

    format: int = _FORMAT
    source: dict[str, Any]
    class_names: tuple[str, ...] | None
    classes: int | None = None
    images: int = 0
    bytes: int = 0
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    done: int = 0
    complete: bool = False
    shards: list[Shard] = dataclasses.field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Replaces index.json atomically: a crash leaves the old or the new file."""
        values = dataclasses.asdict(self)
        with replacing(folder / INDEX) as temporary:
            text = json.dumps({**values, "sha256": _digest(values)}, indent=1) + "\n"
            temporary.write_text(text, encoding="utf-8")


def read_index(folder: Path) -> Index:
    """Reads the index of a prepared folder.

    Raises:
        ValueError: If the index is missing or damaged.
    """
    try:
        values = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if values.pop("sha256") != _digest(values) or values["format"] != _FORMAT:
            raise ValueError("it was changed, or has another version")
        index = Index(**values)
        index.class_names = index.class_names and tuple(index.class_names)
        index.shards = [Shard(**shard) for shard in index.shards]
        if index.images != sum(shard.count for shard in index.shards):
            raise ValueError("it lacks a shard")
        return index
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(
            f"{str(folder / INDEX)!r} is not the index of a prepared folder, or it is damaged."
        ) from None


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def from_prepared(
    path: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    damaged_shards: str = "raise",
    verify: bool = False,
) -> ImageDataset:
    """Returns a folder of `krr prepare` or `write_prepared` as an `ImageDataset`, which is shuffled completely.

    Prints the number of images and their size.

    Args:
        path: The folder, with its index.json.
        class_names: Names in the order of the labels, such as those of the training data; by default
            the folder's own.
        damaged_shards: Treatment of shards that are missing, or differ from the index in size, number of images
            or labels: "raise", or "skip" with a warning that names the shard. A damaged record is detected by its
            checksum when it is read, and is an unreadable image.
        verify: Whether to compare the SHA-256 of each shard, too, which reads all of it.

    Raises:
        ValueError: If the folder has no index or is incomplete, a shard is damaged, no shard is left, or a
            class is not in `class_names`.

    Example:
        >>> import tempfile, numpy as np, keras_resnet_recipes as krr
        >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     krr.data.write_prepared(images, folder, verbose=0)
        ...     krr.data.from_prepared(folder).labels.tolist()
        '...': 6 images, 3 classes, 0.1 MB in 1 shard.
        [0, 1, 2, 0, 1, 2]
    """
    if damaged_shards not in ("raise", "skip"):
        raise ValueError(
            f"`damaged_shards` must be 'raise' or 'skip'. Received: damaged_shards={damaged_shards!r}"
        )
    folder = Path(path)
    index = read_index(folder)
    if not index.complete:
        raise ValueError(
            f"{str(folder)!r} is incomplete. Run the same `krr prepare` again to resume it."
        )
    files, labels, digests = [], [], []
    for number, shard in enumerate(index.shards):
        try:
            labels.append(shard.read_labels(folder, number, verify=verify))
            files.append(str(folder / shard.name))
            digests.append(shard.sha256)
        except ValueError as error:
            if damaged_shards == "raise":
                raise ValueError(
                    f"{error} Prepare it again, or use krr.data.from_prepared(..., damaged_shards='skip')."
                ) from None
            warnings.warn(f"skipped: {error}", stacklevel=2)
    if not files:
        raise ValueError(f"{str(folder)!r} has no readable shard.")
    print(f"{str(folder)!r}: {summary(index)}.")
    data = _of_shards(repr(str(folder)), files, digests, labels, index.class_names)
    return agreeing(data, class_names)


def _of_shards(
    name: str,
    files: list[str],
    digests: list[str],
    labels: list[np.ndarray],
    class_names: tuple[str, ...] | None,
) -> ImageDataset:
    firsts = np.cumsum([0, *map(len, labels)])
    known = np.concatenate(labels).astype(np.int64)
    reader = functools.lru_cache(_OPEN)(records.opened)

    def located(index: int) -> tuple[int, int]:
        shard = int(np.searchsorted(firsts, index, side="right")) - 1
        return shard, index - int(firsts[shard])

    def read(index: int) -> tuple[Any, int]:
        shard, position = located(index)
        image, label = records.read(reader(files[shard]), position)
        if label != known[index]:
            raise UnreadableImage("its shard was replaced while it was in use")
        return image, label

    def describe(index: int) -> str:
        shard, position = located(index)
        return f"image {position} of {printable(files[shard])}"

    def key(index: int) -> str:
        shard, position = located(index)
        return f"{position} of {digests[shard]}"

    return ImageDataset(
        name=name,
        size=len(known),
        read=read,
        class_names=class_names,
        labels=known,
        describe=describe,
        key=key,
    )


def summary(index: Index) -> str:
    """Returns one line with the numbers of images and classes, and the size."""
    shards = f"{len(index.shards)} shard{'s' if len(index.shards) != 1 else ''}"
    return f"{index.images} images, {index.classes} classes, {index.bytes / 1e6:.1f} MB in {shards}"
