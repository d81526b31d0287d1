"""Images from a folder with one subfolder a class."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.names import closest_path

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")


def from_folder(path: str | Path, class_names: Sequence[str] | None = None) -> ImageDataset:
    """Image files in subfolders, one a class, as an `ImageDataset`.

    Labels follow the sorted names of the subfolders. Subfolders named 0 to n - 1, such as those of
    ImageNet-V2, are labels themselves: they are sorted as numbers, and where `class_names` are n other
    names, 3 is the label of the fourth of these, which is printed. Files deeper inside a class folder count for
    it; hidden files and other suffixes than .jpg, .jpeg, .png, .bmp, .gif and .webp are left out.

    Args:
        path: The folder that holds the class folders.
        class_names: Names in the order of the labels, such as those of the training folder; by
            default the subfolders' own.

    Raises:
        ValueError: If the folder is missing, has no subfolder, no image, an empty class or a class that
            `class_names` lacks.

    >>> import tempfile, tensorflow as tf, keras_resnet_recipes as krr
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         Path(folder, name).mkdir()
    ...         png = tf.io.encode_png(tf.zeros((4, 4, 3), tf.uint8)).numpy()
    ...         _ = Path(folder, name, "1.png").write_bytes(png)
    ...     krr.data.from_folder(folder).class_names
    ('cat', 'dog')
    """
    path = Path(path)
    found = _class_folders(path)
    names = tuple(found) if class_names is None else tuple(class_names)
    if are_labels(found, names):
        print(f"{str(path)!r}: its folders, 0 to {len(names) - 1}, are taken for the labels.")
        found = dict(zip(names, found.values(), strict=True))
    strangers = [name for name in found if name not in names]
    if strangers:
        raise ValueError(
            f"{str(path)!r} has the class {strangers[0]!r}, which training lacked; its classes are {_listed(names)}."
        )
    files, labels = [], []
    for name, folder in found.items():
        images = images_below(folder)
        if not images and class_names is None:
            raise ValueError(
                f"the class folder {str(folder)!r} holds no image ({', '.join(SUFFIXES)})."
            )
        files += images
        labels += [names.index(name)] * len(images)
    if not files:
        raise ValueError(
            f"{str(path)!r} has class folders but no image in them ({', '.join(SUFFIXES)})."
        )
    return from_files(str(path), files, np.array(labels, np.int64), names)


def are_labels(own: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a data set calls its classes by number, and they are as many as those wanted, of other names.

    Args:
        own: What the data set calls its classes, in the order of their labels.
        wanted: The names of the classes.

    >>> are_labels(["0", "1"], ["cat", "dog"]), are_labels(["0", "1"], ["0", "1"])
    (True, False)
    """
    return len(own) == len(wanted) and set(own) != set(wanted) and _numbered(own)


def _numbered(names: Collection[str]) -> bool:
    return set(names) == {str(number) for number in range(len(names))}


def _class_folders(path: Path) -> dict[str, Path]:
    """The subfolders by name, sorted: as numbers where they are 0 to n - 1."""
    if not path.is_dir():
        raise ValueError(_no_folder(path))
    found = {
        child.name: child
        for child in sorted(path.iterdir())
        if child.is_dir() and not child.name.startswith(".")
    }
    if not found:
        holds = "image files" if images_below(path) else "no image"
        raise ValueError(
            f"{str(path)!r} must hold one subfolder a class, such as {str(path / 'daisy')!r}; it has no subfolder, "
            f"and {holds}. Labels of files in one folder can stand in a .csv of path,label."
        )
    return dict(sorted(found.items(), key=lambda item: int(item[0]))) if _numbered(found) else found


def _no_folder(path: Path) -> str:
    wanted = f"`path` must be an existing folder; received {str(path)!r}"
    if not path.exists():
        return f"{wanted}.{closest_path(path)}"
    if path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        return f"{wanted}, an archive: unpack it, and give the folder with one subfolder a class."
    return f"{wanted}, a file; files that are data are .csv (path,label) and .npz."


def images_below(folder: str | Path) -> list[str]:
    """Sorted paths of all image files in a folder and its subfolders, hidden files left out."""
    # os.walk: a Path for each of a million files would take minutes and gigabytes.
    return sorted(
        os.path.join(root, name)
        for root, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )


def from_files(
    name: str, files: list[str], labels: np.ndarray, class_names: tuple[str, ...] | None
) -> ImageDataset:
    """Image files by path, with their labels; class names where they are known."""
    with tf.device("CPU:0"):
        paths, targets = tf.constant(files), tf.constant(labels)

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.io.read_file(tf.gather(paths, index)), tf.gather(targets, index)

    return ImageDataset(
        name=name,
        size=len(files),
        classes=None if class_names is None else len(class_names),
        class_names=class_names,
        encoded=True,
        read=read,
        describe=lambda index: files[index],
        labels=labels,
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown}, … ({len(names)})"
