"""Images listed in a CSV file."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.folder import from_files

_HEADER = ["path", "label"]


def from_csv(path: str | Path, class_names: Sequence[str] | None = None) -> ImageDataset:
    r"""Image files listed in a CSV file of two columns, path and label, as an `ImageDataset`.

    A first line `path,label` is a header. Labels are class names, sorted into the order of the
    labels, or else all whole numbers from 0. Paths are relative to the folder of the CSV file, or absolute;
    that each exists shows when it is read.

    Args:
        path: The CSV file, UTF-8.
        class_names: Names in the order of the labels, such as those of the training data; by default the
            sorted names of the file, or None where labels are numbers.

    Raises:
        ValueError: If the file is missing, lists nothing, has a line of other than two columns, an
            unknown class, a negative label, or lists a first image that does not exist.

    >>> import tempfile, tensorflow as tf, keras_resnet_recipes as krr
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     png = tf.io.encode_png(tf.zeros((4, 4, 3), tf.uint8)).numpy()
    ...     _ = Path(folder, "1.png").write_bytes(png)
    ...     _ = Path(folder, "list.csv").write_text("path,label\n1.png,dog\n1.png,cat\n")
    ...     krr.data.from_csv(Path(folder, "list.csv")).labels.tolist()
    [1, 0]
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"`path` must be an existing CSV file; received {str(path)!r}.")
    files, words = _columns(path)
    if not os.path.isfile(files[0]):
        raise ValueError(
            f"{str(path)!r} lists {files[0]!r} first, which does not exist; paths are relative to "
            f"{str(path.parent)!r}."
        )
    numbers = all(word.isascii() and word.isdecimal() for word in words)
    if numbers:
        names = None if class_names is None else tuple(class_names)
        return from_files(str(path), files, np.array(words, np.int64), names)
    names = tuple(sorted(set(words)) if class_names is None else class_names)
    places = {name: place for place, name in enumerate(names)}
    for line, word in enumerate(words, 1):
        if word not in places:
            raise ValueError(
                f"{str(path)!r} has the class {word!r} (image {line}), which training lacked; "
                f"its {len(names)} classes are {', '.join(names[:10])}{', …' if names[10:] else ''}."
            )
    labels = np.array([places[word] for word in words], np.int64)
    return from_files(str(path), files, labels, names)


def _columns(path: Path) -> tuple[list[str], list[str]]:
    """Absolute paths of the images and their labels, as written."""
    files, words, folder = [], [], str(path.parent.absolute())
    shared: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        for row in lines:
            if not row or (not files and [cell.strip().lower() for cell in row] == _HEADER):
                continue
            cells = [cell.strip() for cell in row]
            if len(cells) != 2 or not all(cells):
                raise ValueError(
                    f"{str(path)!r} must have two columns, path and label; line {lines.line_num} is {row}."
                )
            if cells[1].startswith("-") and cells[1][1:].isdecimal():
                raise ValueError(
                    f"labels of {str(path)!r} must be 0 or more; line {lines.line_num} has {cells[1]}."
                )
            files.append(os.path.join(folder, cells[0]))
            # One object a class instead of one an image, of which there may be a million.
            words.append(shared.setdefault(cells[1], cells[1]))
    if not files:
        raise ValueError(f"{str(path)!r} must list at least one image; it is empty.")
    return files, words
