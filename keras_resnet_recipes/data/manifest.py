"""Images listed in a CSV file."""

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.folder import from_files
from keras_resnet_recipes.data.labels import agreed, is_number

_HEADER = ["path", "label"]
_DELIMITERS = ",;\t"
_LARGEST = 2**31 - 1


def from_csv(
    path: str | Path,
    class_names: Sequence[str] | None = None,
    *,
    encoding: str = "utf-8-sig",
    delimiter: str | None = None,
) -> ImageDataset:
    r"""Returns the image files listed in a CSV file of path and label, and prints a summary.

    Further columns are further labels, and empty ones are none: if any line has more than two columns, images may have
    several labels, `path,cat,dog`, or none, `path,,`. A first line `path,label` or `path,label,label` is a header.
    Labels are class names, which are sorted, or else integers from 0, which are labels themselves unless `class_names`
    are numbers, too: then they are names. Paths are relative to the folder of the CSV file, or absolute; only the first
    is checked, the others when they are read.

    Args:
        path: The CSV file.
        class_names: Names in the order of the labels, such as those of the training data; by default the
            sorted names in the file, or None if labels are numbers.
        encoding: Python's name of the file's encoding: "utf-16" is Excel's "Unicode text"; "cp1252" and "gbk" are
            used by older Windows files.
        delimiter: Delimiter of the columns; by default the comma, semicolon or tab that splits the first line into
            two columns, or else into more.

    Raises:
        ValueError: If the file is missing, empty or in another encoding, a line has no path, or no label where no line
            has more than two columns, a class is unknown, a label is less than 0 or greater than 2^31 - 1, or the first
            image does not exist.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (4, 4)).save(Path(folder, "1.png"))
        ...     _ = Path(folder, "list.csv").write_text("path,label\n1.png,dog\n1.png,cat\n")
        ...     krr.data.from_csv(Path(folder, "list.csv")).labels.tolist()
        '...': 2 images, 2 classes: cat, dog
        [1, 0]
    """
    path = Path(path)
    files, words, lines = _read(path, encoding, delimiter)
    if not os.path.isfile(files[0]):
        raise ValueError(
            f"{str(path)!r} lists {files[0]!r} first, which does not exist; paths are relative to "
            f"{str(path.parent)!r}."
        )
    names = tuple(class_names) if class_names else None
    # If the class names are numbers, so are the names here; their labels are those of the training folders.
    if all(map(is_number, lines)) and not any(map(is_number, names or ())):
        table = np.array([_label(path, word, line) for word, line in lines.items()], np.int64)
    else:
        names = names or tuple(sorted(lines))
        own = repr(str(path)), list(lines)
        table = agreed(*own, names, where=lambda word: f" (line {lines[word]})")
    several = any(len(own) != 1 for own in words)
    labels = _multi_hot(table, words, names) if several else table[np.ravel(words)]
    data = from_files(repr(str(path)), files, labels, names)
    print(data.summary())
    return data


def _multi_hot(
    table: np.ndarray, words: list[tuple[int, ...]], names: tuple[str, ...] | None
) -> np.ndarray:
    """Returns the labels of all images as rows of 0 and 1, uint8 [images, classes]."""
    labels = np.zeros((len(words), len(names) if names else int(table.max()) + 1), np.uint8)
    for row, own in zip(labels, words, strict=True):
        row[table[list(own)]] = 1
    return labels


def _read(
    path: Path, encoding: str, delimiter: str | None
) -> tuple[list[str], list[tuple[int, ...]], dict[str, int]]:
    """Returns the files, the indices of each file's label words, and the first line of each label word."""
    if not path.is_file():
        raise ValueError(f"`path` must be an existing CSV file. Received: path={str(path)!r}")
    folder = str(path.parent.absolute())
    files, words, found, odd, columns = [], [], {}, None, 0
    try:
        for line, cells in _rows(path, encoding, delimiter):
            own = list(filter(None, cells[1:]))
            files.append(os.path.join(folder, cells[0]))
            words.append(tuple(found.setdefault(word, (len(found), line))[0] for word in own))
            columns = max(columns, len(cells))
            odd = odd or (None if len(own) == 1 else (cells, line))
    except UnicodeError:
        with path.open("rb") as file:
            guess = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "cp1252"
        raise ValueError(
            f"{str(path)!r} is not in the encoding {encoding!r} (line {len(files) + 1} or later). Pass another, "
            f"such as krr.data.from_csv(..., encoding={guess!r})."
        ) from None
    except (LookupError, csv.Error, TypeError) as error:
        raise ValueError(f"cannot read {str(path)!r}: {error}.") from None
    if not files:
        raise ValueError(f"{str(path)!r} must list at least one image. Received: no image")
    if odd and columns <= 2:
        raise _not_two_columns(path, *odd)
    if not found:
        raise ValueError(f"{str(path)!r} must list at least one label. Received: no label")
    return files, words, {word: line for word, (_, line) in found.items()}


def _rows(path: Path, encoding: str, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """Yields the number of each line and its cells, path first, without the header."""
    with path.open(encoding=encoding, newline="") as file:
        delimiter = delimiter or _detected(file.readline())
        file.seek(0)
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        for number, row in enumerate(filter(None, rows)):
            cells = [cell.strip() for cell in row]
            header = number == 0 and [cell.lower() for cell in cells[:2]] == _HEADER
            if header and {cell.lower() for cell in cells[1:]} == {"label"}:
                continue
            if header or not cells[0] or "\n" in "".join(cells):
                raise _not_two_columns(path, row, rows.line_num)
            for word in cells[1:]:
                if word.startswith("-") and is_number(word[1:]):
                    raise ValueError(
                        f"labels of {str(path)!r} must be 0 or more. "
                        f"Received: {word} in line {rows.line_num}"
                    )
            yield rows.line_num, cells


def _not_two_columns(path: Path, row: list[str], line: int) -> ValueError:
    return ValueError(
        f"{str(path)!r} must have two columns, path and label, or more, for several labels per image. "
        f"Received: {row} in line {line}"
    )


def _detected(line: str) -> str:
    """Returns the delimiter that splits a line into two columns, or else into more; a comma if none does."""
    columns = {one: len(next(csv.reader([line], delimiter=one), ())) for one in _DELIMITERS}
    return min((one for one in columns if columns[one] > 1), key=columns.get, default=",")


def _label(path: Path, word: str, line: int) -> int:
    # Python refuses to convert thousands of digits.
    number = int(word) if len(word) <= 20 else _LARGEST + 1
    if number > _LARGEST:
        raise ValueError(
            f"labels of {str(path)!r} must be at most {_LARGEST}. Received: {word[:20]} in line {line}"
        )
    return number
