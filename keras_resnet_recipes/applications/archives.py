"""Limits on archives of weights: reading one takes no more memory than its size on the disk."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import h5py


def check_stored(archive: ZipFile) -> None:
    """Raises ValueError if a zip archive has compressed members, which may inflate a thousandfold.

    The sizes that its directory declares are no protection: Python inflates a member before it compares.
    Keras and torch do not compress.
    """
    for member in archive.infolist():
        if member.compress_type != ZIP_STORED:
            raise ValueError(
                f"{member.filename!r} in it must not be compressed. Received: {member.compress_size} bytes for "
                f"{member.file_size}. Unpack the archive, and pack it without compression, as with zip -0."
            )


def check_weights(path: Path) -> None:
    """Raises what `opened_weights` raises."""
    with opened_weights(path):
        pass


@contextlib.contextmanager
def opened_weights(path: Path) -> Iterator[h5py.File]:
    """Context manager that opens the arrays of a .weights.h5 or .keras file, and checks their sizes.

    Yields:
        The HDF5 file. Nothing in it is read yet.

    Raises:
        ValueError: If arrays are declared larger than what the file has of them. An array of a fill value takes a few
            bytes, whatever its shape.
        OSError, RuntimeError, KeyError, BadZipFile: If the file is damaged.
    """
    with contextlib.ExitStack() as stack:
        file: Any = path
        if path.suffix == ".keras":
            archive = stack.enter_context(ZipFile(path))
            check_stored(archive)
            file = io.BytesIO(archive.read("model.weights.h5"))
        opened = stack.enter_context(h5py.File(file))
        opened.visititems(_check_array)
        yield opened


def _check_array(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset) and item.size and item.nbytes > item.id.get_storage_size():
        raise ValueError(
            f"array {name!r} in it must be stored whole and without compression, as Keras writes it. "
            f"Received: {item.id.get_storage_size()} bytes for {item.nbytes}"
        )
