"""Files that are whole or absent, whatever happens while they are written."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size


@contextlib.contextmanager
def replacing(path: str | Path, keep_as: Path | None = None) -> Iterator[Path]:
    """Gives a path to write, and lets it replace a file once it is written and on the disk.

    A crash at any moment leaves the old file or the new one. A link at the place of either file is
    replaced and never followed.

    Args:
        path: The file.
        keep_as: What to call the old file instead of losing it. A crash may then leave only that one.

    Yields:
        Where to write, in the same folder.

    Raises:
        OSError: If the disk takes no more, or for another reason of the system; the old file stays.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(folder + "/note") as aside:
    ...         _ = aside.write_text("whole")
    ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
    [('note', 'whole')]
    """
    path = Path(path)
    # In front of the name: Keras insists on the suffix of its weights.
    aside = path.with_name(f"new.{path.name}")
    aside.unlink(missing_ok=True)
    try:
        yield aside
        _flush(aside)
        if keep_as is not None and path.exists():
            os.replace(path, keep_as)
        os.replace(aside, path)
        _flush(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_sealed(path: str | Path, contents: bytes | memoryview) -> None:
    """Writes a file and, behind its contents, their SHA-256; HDF5 does not read behind its own end."""
    with open(path, "wb") as file:
        file.write(contents)
        file.write(hashlib.sha256(contents).digest())


def is_sealed(path: str | Path) -> bool:
    """Whether a file ends with the SHA-256 of what stands before; not so if cut off or changed.

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
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
