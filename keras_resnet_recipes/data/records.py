"""One file of a prepared folder: images with their labels in an array_record file.

A record is a label, four bytes with the lowest first, and the contents of an image file, or undecoded pixels: "RGBX", height,
width (four bytes each) and four bytes per pixel. The last record is the number of the file and all labels, four
bytes each. The format, of Google's Riegeli, has a checksum for each record and reads any of them at once.
"""

import functools
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter

from keras_resnet_recipes.data.decode import OpenedImage, UnreadableImage
from keras_resnet_recipes.data.restart import RestartJpeg, has_restarts

# A record for itself, not compressed: JPEG is already, and the bytes are the same at each writing.
_WRITING = "group_size:1,uncompressed"
_READING = "readahead_buffer_size:0,max_parallelism:0"
_LABEL = struct.Struct("<i")
_RAW = struct.Struct("<i4sII")
_RAW_NAME = b"RGBX"
# Files that are open at a time, below the 1024 that a process may have by default.
_OPEN = 512


def raw(packed: np.ndarray) -> bytes:
    """Packed pixels, uint32 [height, width], as a record stores them behind the label."""
    return _RAW_NAME + struct.pack("<II", *packed.shape) + packed.astype("<u4").tobytes()


def write(file: Path, number: int, examples: Iterable[tuple[bytes, int]]) -> np.ndarray:
    """Writes a file of contents and labels; returns the labels, int32.

    Args:
        file: Its path.
        number: Its number in the folder.
        examples: What to store behind each label, and the label.

    Raises:
        OSError: If the disk takes no more.
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
        try:  # the writer would complain once more when it is deleted
            writer.close()
        except RuntimeError:
            pass
        raise
    _writing(file, writer.close)
    return written


def read_labels(file: str, number: int, count: int) -> np.ndarray:
    """The labels of a file, int32 [count].

    Raises:
        ValueError: If the file is damaged, has another number of records, or is another's.
    """
    reader = _reader(file)
    if not reader.ok() or reader.num_records() != count + 1:
        raise ValueError("is damaged, or has another number of records")
    try:
        record = reader.read([count])[0]
    except RuntimeError as error:
        raise ValueError(f"is damaged: {_first(error)}") from None
    if len(record) != 4 * (count + 1) or _LABEL.unpack_from(record)[0] != number:
        raise ValueError("is another one than was written here")
    return np.frombuffer(record, "<i4", offset=4)


def read(file: str, index: int) -> tuple[Any, int]:
    """Image, as `ImageDataset.read` returns it, and label of a record.

    Raises:
        UnreadableImage: If the record is damaged.
    """
    try:
        record = _reader(file).read([index])[0]
        label = _LABEL.unpack_from(record)[0]
        if record.startswith(_RAW_NAME, 4):
            _, _, height, width = _RAW.unpack_from(record)
            pixels = np.frombuffer(record, "<u4", offset=_RAW.size).reshape(height, width)
            return OpenedImage(height, width, lambda: pixels), label
    except (RuntimeError, IndexError, ValueError, struct.error) as error:
        raise UnreadableImage(f"the record is damaged: {_first(error)}") from None
    contents = record[_LABEL.size :]
    return (RestartJpeg(contents) if has_restarts(contents) else contents), label


@functools.lru_cache(maxsize=_OPEN)
def _reader_of(file: str, identity: tuple[int, ...]) -> ArrayRecordReader:
    return ArrayRecordReader(file, _READING, file_reader_buffer_size=32768)
