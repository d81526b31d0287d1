"""A prepared folder: TFRecord files, and an index of what they hold."""

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.folder import are_labels
from keras_resnet_recipes.data.records import dataset_of_records
from keras_resnet_recipes.files import replacing

INDEX = "index.json"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file as the index knows it."""

    name: str
    count: int
    bytes: int
    sha256: str

    def check(self, folder: Path, *, verify: bool) -> None:
        """Raises ValueError if the file is missing or of another size, or with `verify` of other contents.

        So it does if the index names no file of its own folder, or one that is a link to elsewhere.
        """
        if Path(self.name).name != self.name or (folder / self.name).is_symlink():
            raise ValueError(f"the shard {self.name!r} is no file in {str(folder)!r}.")
        file = folder / self.name
        if not file.is_file():
            raise ValueError(f"the shard {str(file)!r} is missing.")
        size = file.stat().st_size
        if size != self.bytes:
            raise ValueError(f"the shard {str(file)!r} is damaged: {size} bytes, not {self.bytes}.")
        if verify and sha256_of(file) != self.sha256:
            raise ValueError(
                f"the shard {str(file)!r} is damaged: another SHA-256 than when written."
            )

    def rows(self, folder: Path) -> np.ndarray:
        """Where each record begins and its label, int64 [count, 2].

        Raises:
            ValueError: If the file that says so is missing or damaged.
        """
        file = rows_file(folder / self.name)
        try:
            rows = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            rows = np.zeros(0)
        if rows.shape != (self.count, 2):
            raise ValueError(f"the shard's list of records {str(file)!r} is missing or damaged.")
        return rows


@dataclasses.dataclass(frozen=True)
class Index:
    """What index.json says of a prepared folder.

    Args:
        source: What the images were prepared from, and how.
        class_names: Names in the order of the labels, or None.
        classes: Number of classes: of the source, or else the largest label written plus one.
        images: Number of images in the shards.
        bytes: Size of the shards.
        left_out: Names of unreadable images, and why.
        done: Number of images of the source that are behind.
        complete: Whether preparing came to its end.
        shards: The files.
    """

    source: dict[str, Any]
    class_names: tuple[str, ...] | None
    classes: int | None = None
    images: int = 0
    bytes: int = 0
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    done: int = 0
    complete: bool = False
    shards: tuple[Shard, ...] = ()

    def write(self, folder: Path) -> None:
        """Replaces index.json in one step: a crash leaves the old one or the new one."""
        with replacing(folder / INDEX) as aside:
            aside.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")


def read_index(folder: Path) -> Index:
    """The index of a prepared folder.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        values = json.loads((folder / INDEX).read_text())
        names = values["class_names"]
        values["class_names"] = None if names is None else tuple(names)
        values["shards"] = tuple(Shard(**shard) for shard in values["shards"])
        return Index(**values)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise ValueError(f"{str(folder / INDEX)!r} is no index of a prepared folder.") from None


def from_prepared(
    path: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    damaged_shards: str = "raise",
    verify: bool = False,
) -> ImageDataset:
    """A folder of `krr prepare` or `write_tfrecords` as an `ImageDataset`, shuffled completely.

    Prints how many images there are and how large they are.

    Args:
        path: The folder, with its index.json.
        class_names: Names in the order of the labels, such as those of the training data; by default
            the folder's own.
        damaged_shards: What becomes of a shard that is missing or of another size than the index says:
            "raise", or "skip" with a warning that names it. A damaged record shows when it is read,
            by its checksum, and is an unreadable image.
        verify: Whether to compare each shard with its SHA-256 too, which reads all of it.

    Raises:
        ValueError: If the folder has no index, preparing it was not finished, a shard is damaged, no shard is
            left, or there is a class that `class_names` lacks.

    >>> import tempfile, numpy as np, keras_resnet_recipes as krr
    >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     krr.data.write_tfrecords(images, folder, verbose=0)
    ...     krr.data.from_prepared(folder).labels.tolist()
    '...': 6 images, 3 classes, 0.0 MB in 1 shard.
    [0, 1, 2, 0, 1, 2]
    """
    if damaged_shards not in ("raise", "skip"):
        raise ValueError(
            f"`damaged_shards` must be 'raise' or 'skip'; received {damaged_shards!r}."
        )
    folder = Path(path)
    index = read_index(folder)
    if not index.complete:
        raise ValueError(
            f"{str(folder)!r} is not finished: the same `krr prepare` goes on with it."
        )
    kept = []
    for shard in index.shards:
        try:
            shard.check(folder, verify=verify)
            kept.append((str(folder / shard.name), shard.rows(folder)))
        except ValueError as error:
            if damaged_shards == "raise":
                raise ValueError(
                    f"{error} Prepare it again, or krr.data.from_prepared(..., damaged_shards='skip')."
                ) from None
            warnings.warn(f"skipped: {error}", stacklevel=2)
    if not kept:
        raise ValueError(f"{str(folder)!r} has no shard that can be read.")
    print(f"{str(folder)!r}: {summary(index)}.")
    rows = np.concatenate([rows for _, rows in kept])
    names = index.class_names if class_names is None else tuple(class_names)
    labels = _labels_among(str(folder), rows[:, 1], index.class_names, names)
    return dataset_of_records(
        str(folder),
        [file for file, _ in kept],
        [rows[:, 0] for _, rows in kept],
        labels=labels,
        class_names=names,
    )


def summary(index: Index) -> str:
    """Images, classes and sizes in one line."""
    shards = f"{len(index.shards)} shard{'s' if len(index.shards) != 1 else ''}"
    return f"{index.images} images, {index.classes} classes, {index.bytes / 1e6:.1f} MB in {shards}"


def rows_file(shard: Path) -> Path:
    """The file that says where the records of a shard begin, and their labels."""
    return shard.with_suffix(".npy")


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as contents:
        return hashlib.file_digest(contents, "sha256").hexdigest()


def _labels_among(
    name: str, labels: np.ndarray, own: tuple[str, ...] | None, wanted: tuple[str, ...] | None
) -> np.ndarray:
    if own is None or own == wanted:
        return labels
    if are_labels(own, wanted):
        print(f"{name!r}: its classes, 0 to {len(own) - 1}, are taken for the labels.")
        return np.array(own, np.int64)[labels]
    strangers = [label for label in own if label not in wanted]
    if strangers:
        raise ValueError(
            f"{name!r} has the class {strangers[0]!r}, which training lacked; it had {len(wanted)} classes."
        )
    return np.array([wanted.index(label) for label in own], np.int64)[labels]
