"""One shard of a prepared folder: images with their labels in an array_record file.

A record is a label, four bytes in little-endian order, and the contents of an image file or decoded pixels:
"RGBX", height, width (four bytes each) and four bytes per pixel. The last record is the number of the shard and all
labels, four bytes each. The format has a checksum for each record, and random access.
"""

import contextlib
import dataclasses
import hashlib
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from keras_resnet_recipes.data.decode import OpenedImage, UnreadableImage
from keras_resnet_recipes.data.restart import RestartJpeg, has_restarts

# Records are separate and uncompressed: JPEG is compressed already, and the bytes are reproducible.
_WRITING = "group_size:1,uncompressed"
_READING = "readahead_buffer_size:0,max_parallelism:0"
_LABEL = struct.Struct("<i")
_RAW = struct.Struct("<4sII")
_RAW_NAME = b"RGBX"
_READ_BYTES = 1 << 15


@dataclasses.dataclass(frozen=True)
class Shard:
    """Entry of a shard in the index.

    Args:
        name: File name.
        count: Number of images.
        bytes: File size in bytes.
        sha256: SHA-256 of the file.
        labels: SHA-256 of the labels.
    """

    name: str
    count: int
    bytes: int
    sha256: str
    labels: str

    @classmethod
    def of(cls, file: Path, labels: np.ndarray) -> Self:
        """Returns the entry of a shard that was written."""
        return cls(file.name, len(labels), file.stat().st_size, _sha256_of(file), _sha256(labels))

    def read_labels(self, folder: Path, number: int, *, verify: bool) -> np.ndarray:
        """Returns the labels, int32 [count], after checks that the file is the one that was written.

        Args:
            folder: The prepared folder.
            number: Number of the shard in the folder.
            verify: Whether to compare the SHA-256 of the file, too.

        Raises:
            ValueError: If the file is missing, of another size, damaged, swapped with another one, or a link
                instead of a file in the folder.
        """
        file = folder / self.name
        if Path(self.name).name != self.name or file.is_symlink():
            raise ValueError(f"the shard {self.name!r} is not a file in {str(folder)!r}.")
        if not file.is_file():
            raise ValueError(f"the shard {str(file)!r} is missing.")
        try:
            size = file.stat().st_size
            if size != self.bytes:
                raise ValueError(f"{size} bytes, not {self.bytes}")
            if verify and _sha256_of(file) != self.sha256:
                raise ValueError("its SHA-256 has changed")
            reader = opened(str(file))
            if not reader.ok() or reader.num_records() != self.count + 1:
                raise ValueError(f"it does not contain the {self.count} images that were written")
            record = reader.read([self.count])[0]
            if len(record) != 4 * (self.count + 1) or _LABEL.unpack_from(record)[0] != number:
                raise ValueError("it is not the file that was written")
            labels = np.frombuffer(record, "<i4", offset=4)
            if _sha256(labels) != self.labels:
                raise ValueError("its labels have changed")
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"the shard {str(file)!r} is damaged: {_first(error)}.") from None
        return labels


def raw(packed: np.ndarray) -> bytes:
    """Returns packed pixels, uint32 [height, width], in the form in which a record stores them after the label."""
    return _RAW.pack(_RAW_NAME, *packed.shape) + packed.astype("<u4").tobytes()


def write(file: Path, number: int, examples: Iterable[tuple[bytes, int]]) -> np.ndarray:
    """Writes a shard, and returns the labels, int32.

    Args:
        file: Path of the shard.
        number: Number of the shard in the folder.
        examples: Contents and label of each image.

    Raises:
        OSError: If the disk is full.
    """
    labels = []
    writer = _writing(file, ArrayRecordWriter, str(file), _WRITING)
    try:
        for contents, label in examples:
            _writing(file, writer.write, _LABEL.pack(label) + contents)
            labels.append(label)
        written = np.array(labels, "<i4")
        _writing(file, writer.write, _LABEL.pack(number) + written.tobytes())
    except BaseException:
        with contextlib.suppress(RuntimeError):
            writer.close()
        raise
    _writing(file, writer.close)
    return written


def opened(file: str) -> ArrayRecordReader:
    """Opens a shard for any number of threads; a missing or damaged file is an error only when it is read."""
    return ArrayRecordReader(file, _READING, file_reader_buffer_size=_READ_BYTES)


def read(reader: ArrayRecordReader, index: int) -> tuple[Any, int]:
    """Returns the image of a record, as for `ImageDataset.read`, and its label.

    Raises:
        UnreadableImage: If the record is damaged.
    """
    try:
        record = reader.read([index])[0]
        label = _LABEL.unpack_from(record)[0]
        if record.startswith(_RAW_NAME, _LABEL.size):
            _, height, width = _RAW.unpack_from(record, _LABEL.size)
            pixels = np.frombuffer(record, "<u4", offset=_LABEL.size + _RAW.size)
            pixels = pixels.reshape(height, width)
            return OpenedImage(height, width, lambda: pixels), label
    except (RuntimeError, IndexError, ValueError, struct.error) as error:
        raise UnreadableImage(f"the record is damaged: {_first(error)}") from None
    contents = record[_LABEL.size :]
    return (RestartJpeg(contents) if has_restarts(contents) else contents), label


def _writing(file: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except RuntimeError as error:
        # "write() failed: No space left on device; writing ..."
        raise OSError(f"cannot write {str(file)!r}: {_first(error)}") from None


def _first(error: Exception) -> str:
    """Returns the first part of the library's message, without positions and files."""
    return (str(error) or type(error).__name__).split(";")[0]


def _sha256(labels: np.ndarray) -> str:
    return hashlib.sha256(labels.tobytes()).hexdigest()


def _sha256_of(file: Path) -> str:
    with file.open("rb") as contents:
        return hashlib.file_digest(contents, "sha256").hexdigest()
