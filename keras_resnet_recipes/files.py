"""Atomic and checksummed file writing."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


@contextlib.contextmanager
def replacing(path: str | Path, keep_as: Path | None = None) -> Iterator[Path]:
    """Context manager that replaces a file atomically, once the new contents are on the disk.

    A crash at any moment leaves the old file or the new one. If either path is a link, the link is
    replaced, never followed.

    Args:
        path: The file.
        keep_as: New path of the old file, which is otherwise deleted. A crash may then leave only that one.

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
        if keep_as is not None and path.exists():
            os.replace(path, keep_as)
        os.replace(temporary, path)
        _flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_sealed(path: str | Path, contents: bytes | memoryview) -> None:
    """Writes contents followed by their SHA-256; HDF5 ignores bytes after its own end."""
    with open(path, "wb") as file:
        file.write(contents)
        file.write(hashlib.sha256(contents).digest())


def is_sealed(path: str | Path) -> bool:
    """Returns whether a file ends with the SHA-256 of its contents; false if it was truncated or changed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "file")
        ...     write_sealed(file, b"contents")
        ...     whole = is_sealed(file)
        ...     _ = file.write_bytes(file.read_bytes()[:-1])
        ...     whole, is_sealed(file)
        (True, False)
    """
    length = os.path.getsize(path) - _DIGEST
    if length < 0:
        return False
    with open(path, "rb") as file:
        file.seek(length)
        return file.read() == _digest(Path(path), length)


def _digest(path: Path, length: int) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (block := file.read(min(length, 1 << 20))):
            digest.update(block)
            length -= len(block)
    return digest.digest()


def _flush(path: Path) -> None:
    """Waits until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
