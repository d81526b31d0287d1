"""Atomic and checksummed file writing."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def local_path(name: str, path: str | os.PathLike[str]) -> Path:
    """Returns a path; `~` is the home folder.

    Args:
        name: The argument, for messages.
        path: The path.

    Raises:
        ValueError: If it is the address of a bucket or a server, which `Path` would take for a local folder.

    Example:
        >>> local_path("run_dir", "gs://bucket/run")
        Traceback (most recent call last):
            ...
        ValueError: `run_dir` must be a local path. Received: run_dir='gs://bucket/run'. Mount the storage...
    """
    if "://" in os.fspath(path):
        raise ValueError(
            f"`{name}` must be a local path. Received: {name}={os.fspath(path)!r}. "
            "Mount the storage, or copy the files."
        )
    return Path(path).expanduser()


def without_folders(value: Any) -> Any:
    r"""Returns a value of a JSON file as it may leave this machine: every local path becomes its last component.

    A path is any string with a slash or backslash, except an address with a scheme, such as https: or tfds:.

    Args:
        value: A string, or a list or dict of values.

    Example:
        >>> without_folders({"weights": "/home/me/run/best.weights.h5", "data": ["tfds:a/b", "C:\\a\\b"]})
        {'weights': 'best.weights.h5', 'data': ['tfds:a/b', 'b']}
    """
    if isinstance(value, dict):
        return {name: without_folders(one) for name, one in value.items()}
    if isinstance(value, list):
        return [*map(without_folders, value)]
    if isinstance(value, str) and not re.match(r"\w{2,}:", value):
        # Names of data sets have quotes.
        return re.split(r"[/\\]", value.strip("'/\\"))[-1]
    return value


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Context manager that replaces a file atomically, once the new contents are on the disk.

    A crash at any moment leaves the old file or the new one. If the path is a link, the link is replaced,
    never followed.

    Args:
        path: The file.

    Yields:
        Path of a temporary file in the same folder, to be written.

    Raises:
        OSError: If the disk is full, or the system refuses to write; the old file is kept.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(folder + "/note") as temporary:
        ...         _ = temporary.write_text("whole")
        ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
        [('note', 'whole')]
    """
    path = Path(path)
    # A prefix, because Keras requires the suffix of weights files.
    temporary = path.with_name(f"new.{path.name}")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            # `write` does not know the file.
            error.filename = str(path)
        raise


def read_back(path: Path) -> memoryview:
    """Returns the contents of a file from the disk, where the system can leave out its memory of them.

    Raises:
        OSError: If they cannot be written or read.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return memoryview(file.read())


def sha256(contents: Path | memoryview) -> str:
    """Returns the SHA-256 of a file, or of bytes, in hexadecimal digits.

    Example:
        >>> sha256(memoryview(b"contents"))[:8]
        'd1b2a59f'
    """
    if isinstance(contents, memoryview):
        return hashlib.sha256(contents).hexdigest()
    with contents.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Waits until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
