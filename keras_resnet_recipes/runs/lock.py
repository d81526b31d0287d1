"""The lock of a run folder: one process trains into it at a time."""

import contextlib
import errno
import json
import os
import platform
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = "run.lock"
# What file systems without locks answer.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Context manager: no other process trains into a folder.

    The system holds the lock and releases it when the process ends, however it ends, so a crash leaves nothing that
    blocks. `run.lock` contains the lock's holder for messages, and is removed at the end. On Windows, and on file
    systems without locks, which is said in a warning, nothing is locked.

    Args:
        folder: An existing folder.

    Raises:
        ValueError: If another process holds the lock, with its host, number and start.
    """
    if fcntl is None:
        yield
        return
    path = folder / LOCK
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ValueError(_held(folder, file.read())) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            warnings.warn(
                f"{str(folder)!r} is on a file system without locks: take care that one process trains into it.",
                stacklevel=3,
            )
        # The process that had the lock may have removed the file since it was opened.
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise ValueError(_held(folder, ""))
        file.truncate(0)
        holder = {"host": platform.node(), "process": os.getpid(), "since": time.strftime("%F %T")}
        file.write(json.dumps(holder) + "\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _opened(path: Path) -> TextIO:
    try:
        # Never through a link, to a file that would be emptied.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        return open(descriptor, "r+", encoding="utf-8")
    except OSError as error:
        raise ValueError(
            f"`run_dir` must be a writable folder. Received: run_dir={str(path.parent)!r} ({error.strerror})"
        ) from None


def _held(folder: Path, holder: str) -> str:
    try:
        known = json.loads(holder)
        by = f"process {known['process']} on {known['host']!r} since {known['since']}"
    except (ValueError, KeyError, TypeError):
        by = "another process"
    return (
        f"`run_dir` must not be in use. Received: run_dir={str(folder)!r}, into which {by} trains. Wait for it, "
        "stop it, or give another `run_dir`."
    )
