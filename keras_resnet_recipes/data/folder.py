"""Images from a folder with one subfolder per class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, label_at
from keras_resnet_recipes.data.decode import UnreadableImage
from keras_resnet_recipes.data.labels import agreeing, in_order
from keras_resnet_recipes.names import closest_path, printable

SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
# Names of the split folders, in the order of preference.
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid", "dev", "eval", "test", "testing"),
    "test": ("test", "testing"),
}
# Folders of macOS archives, Synology, Windows, Python and ext4; those of Jupyter are hidden.
_SYSTEM = {
    *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"),
    *("__pycache__", "lost+found"),
}
# Larger files are not images, and are not read into memory.
_MOST_BYTES = 2**30


def from_folder(
    path: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    split: str = "train",
    class_order: str = "plain",
) -> ImageDataset:
    """Returns the image files of a folder with one subfolder per class as an `ImageDataset`, and prints a summary.

    Labels follow the sorted names of the subfolders, as in Keras, scikit-learn and torchvision. Subfolders
    named 0 to n - 1, such as those of ImageNet-V2, are labels themselves: they are sorted as numbers, and
    if `class_names` has n other names, folder 3 gets the label of the fourth name, which is printed. Files in
    subfolders of a class folder belong to the class. Hidden and system files and folders, such as
    `.ipynb_checkpoints` and `__MACOSX`, are ignored at any depth; links are followed unless they lead back up.

    If the folder contains `train` and `val` (or `validation`, `dev`, `test`) with class folders inside, only the
    given split is read, and the classes of all splits are those of `train`.

    Args:
        path: Folder with one subfolder per class.
        class_names: Names in the order of the labels, such as those of the training folder; by
            default the names of the subfolders.
        split: "train", "validation" or "test", for a folder with splits.
        class_order: "plain", or "natural" as in timm, for timm's checkpoints.

    Raises:
        ValueError: If the folder is missing, has no subfolder, no image, an empty class or a class that is
            not in `class_names`, or lacks the split or the split's class folders.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         Path(folder, name).mkdir()
        ...         Image.new("RGB", (4, 4)).save(Path(folder, name, "1.png"))
        ...     krr.data.from_folder(folder).class_names
        '...': 2 images, 2 classes: cat, dog
        ('cat', 'dog')
    """
    path = folder = str(path)
    splits = split_folders(path)
    if splits:
        held = " and ".join(sorted(set(map(os.path.basename, splits.values()))))
        if split not in splits:
            raise ValueError(
                f"`split` must be in {path!r}, which contains {held}. Received: split={split!r}"
            )
        folder = splits[split]
        print(f"{path!r} contains {held}: reading {os.path.basename(folder)}.")
        if class_names is None and split != "train" and "train" in splits:
            class_names = tuple(_class_folders(splits["train"], class_order))
    files, labels = [], []
    found = _class_folders(folder, class_order)
    stray = _children(folder)[1]
    if stray:
        print(f"{folder!r}: {len(stray)} image(s) next to the class folders are ignored.")
    for label, child in enumerate(found.values()):
        images = images_below(child, within=[os.path.realpath(folder)])
        if not images and class_names is None:
            raise ValueError(
                f"the class folder {child!r} contains no image ({', '.join(SUFFIXES)})."
            )
        files += images
        labels.append(np.full(len(images), label, np.int64))
    if not files:
        raise ValueError(
            f"the class folders of {folder!r} contain no image ({', '.join(SUFFIXES)})."
        )
    data = from_files(repr(folder), files, np.concatenate(labels), tuple(found))
    data = agreeing(data, class_names)
    print(data.summary())
    return data


def split_folders(path: str | Path) -> dict[str, str]:
    """Returns the folder of each split; empty if the folder has no splits.

    A folder has splits if it contains two of them, or only `train`, with class folders inside. A class may be
    named "train".

    Args:
        path: The folder, which need not exist.

    Raises:
        ValueError: If it contains only splits, and these have no class folders.
    """
    try:
        folders = {os.path.basename(child).lower(): child for child in _children(path)[0]}
    except OSError:
        return {}
    found = {
        split: next(folders[name] for name in names if name in folders)
        for split, names in SPLITS.items()
        if any(name in folders for name in names)
    }
    names = sorted(set(map(os.path.basename, found.values())))
    if not names or (len(names) == 1 and (len(folders) > 1 or "train" not in found)):
        return {}
    if all(_children(one)[0] for one in found.values()):
        return found
    if len(names) == 1 or len(names) < len(folders):
        return {}
    raise ValueError(
        f"{str(path)!r} contains {' and '.join(names)}, each of which must contain one subfolder per class. Labels of "
        "files in one folder can be listed in a .csv file of path,label."
    )


def images_below(folder: str | Path, within: Sequence[str] = ()) -> list[str]:
    """Returns the sorted paths of all image files in a folder and its subfolders, except hidden and system ones.

    Args:
        folder: The folder.
        within: Real paths of the enclosing folders; links to them are not followed.
    """
    # Strings, because a Path for each of a million files would take minutes and gigabytes.
    within = [*within, os.path.realpath(folder)]
    folders, files = _children(folder, within)
    for child in folders:
        files += images_below(child, within)
    return sorted(files)


def from_files(
    name: str, files: list[str], labels: np.ndarray, class_names: tuple[str, ...] | None
) -> ImageDataset:
    """Returns image files with their labels, and class names if known, as an `ImageDataset`."""
    # The data set may move, with its folder.
    root = os.path.commonpath([os.path.dirname(file) for file in (min(files), max(files))])

    def read(index: int) -> tuple[bytes, Any]:
        return contents_of(files[index]), label_at(labels, index)

    def stamp(index: int) -> bytes:
        try:
            return str(os.path.getsize(files[index])).encode()
        except OSError:
            return b"unreadable"

    return ImageDataset(
        name=name,
        size=len(files),
        read=read,
        class_names=class_names,
        labels=labels,
        describe=lambda index: printable(files[index]),
        key=lambda index: files[index].removeprefix(root),
        stamp=stamp,
    )


def contents_of(file: str) -> bytes:
    """Returns the contents of an image file.

    Raises:
        UnreadableImage: If the file does not exist, cannot be read, or is too large for an image.
    """
    try:
        with open(file, "rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            if size > _MOST_BYTES:
                raise UnreadableImage(f"a file of {size / 1e9:.1f} GB is not an image")
            return opened.read()
    except OSError as error:
        raise UnreadableImage(error.strerror or str(error)) from None


def _class_folders(path: str, class_order: str) -> dict[str, str]:
    """Returns the subfolders by name, in the order of their labels."""
    if not os.path.isdir(path):
        raise ValueError(_no_folder(Path(path)))
    found = {os.path.basename(child): child for child in _children(path)[0]}
    if not found:
        held = "image files" if images_below(path) else "no image"
        raise ValueError(
            f"{path!r} must contain one subfolder per class, such as {os.path.join(path, 'daisy')!r}; it has no "
            f"subfolder, and {held}. Labels of files in one folder can be listed in a .csv file of path,label."
        )
    return {name: found[name] for name in in_order(found, class_order)}


def _children(folder: str | Path, within: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Returns sorted paths of the subfolders and image files of a folder; `within` as for `images_below`."""
    within = within or [os.path.realpath(folder)]
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                continue
            linked = entry.is_symlink()
            if os.path.isdir(entry.path) if linked else entry.is_dir():
                if not (linked and _leads_back(entry.path, within)):
                    folders.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES) and (linked or entry.is_file()):
                # A broken link is reported as unreadable instead of being silently missing.
                files.append(entry.path)
    return sorted(folders), files


def _leads_back(link: str, within: Sequence[str]) -> bool:
    target = os.path.join(os.path.realpath(link), "")
    return any(os.path.join(outer, "").startswith(target) for outer in within)


def _no_folder(path: Path) -> str:
    wanted = f"`path` must be an existing folder. Received: path={str(path)!r}"
    if not path.exists():
        return f"{wanted}.{closest_path(path)}"
    if path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        return f"{wanted}, an archive. Unpack it, and pass the folder with one subfolder per class."
    return f"{wanted}, a file. Data files must be .csv (path,label) or .npz."
