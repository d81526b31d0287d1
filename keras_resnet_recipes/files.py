"""Files that are whole or absent, whatever happens while they are written."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


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
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
