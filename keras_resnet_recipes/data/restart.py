"""JPEG with a restart marker after every block of 16 x 16 pixels, so that parts can be decoded separately.

The file is an ordinary JPEG. An additional segment (APP11, which other readers skip) lists the lengths of the
blocks, so that they need not be searched for.
"""

import io
import struct

import numpy as np
from PIL import Image

from keras_resnet_recipes.data.decode import OpenedImage, UnreadableImage, jpeg_packed

# Pixels of a block at 4:2:0, the only subsampling written here.
_BLOCK = 16
# Pixels around a box that its chroma is interpolated from.
_MARGIN = 2
_START, _SEGMENT = b"\xff\xd8", b"\xff\xeb"
_SOF, _SOS, _END = 0xC0, 0xDA, 0xD9
# A name, height and width, and the positions of the size and of the blocks in the file without this segment.
_HEAD = struct.Struct("<6s4I")
_NAME = b"blocks"
_BEGINNING = _START + _SEGMENT
# The length of a segment has 16 bits; the length of each block listed in it has 16 bits, too.
_MOST_BLOCKS = (0xFFFF - 2 - _HEAD.size) // 2
_MARKERS = np.resize(np.arange(0xD0, 0xD8, dtype=np.uint8), _MOST_BLOCKS)


def encode(image: Image.Image, quality: int) -> bytes:
    """Encodes a JPEG with restart markers, or without if the image has too many blocks to list.

    Args:
        image: RGB.
        quality: 1..100.

    Example:
        >>> contents = encode(Image.new("RGB", (100, 60), (9, 8, 7)), 90)
        >>> image = RestartJpeg(contents)
        >>> image.height, image.width, [part.shape for part in image.pixels(40, 70, 5, 20)[:1]]
        (60, 100, [(16, 32)])
    """
    listed = -(-image.width // _BLOCK) * -(-image.height // _BLOCK) <= _MOST_BLOCKS
    options = {"subsampling": "4:2:0", "restart_marker_blocks": int(listed)}
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **options)
    contents = file.getvalue()
    if not listed:
        return contents
    size, scan = _positions(contents)
    coded = np.frombuffer(contents, np.uint8)[scan:]
    # In coded pixels 0xFF is followed by 0; every other 0xFF begins a marker.
    ends = np.flatnonzero((coded[:-1] == 0xFF) & (coded[1:] >= 0xD0)) + 2
    lengths = np.diff(ends, prepend=0).astype("<u2").tobytes()
    head = _HEAD.pack(_NAME, image.height, image.width, size, scan)
    length = (2 + len(head) + len(lengths)).to_bytes(2, "big")
    return b"".join([_BEGINNING, length, head, lengths, contents[2:]])


def has_restarts(contents: bytes) -> bool:
    """Returns whether a file was written by `encode` with restart markers.

    Example:
        >>> has_restarts(encode(Image.new("RGB", (8, 8)), 90)), has_restarts(b"")
        (True, False)
    """
    return contents.startswith(_BEGINNING) and contents[6 : 6 + len(_NAME)] == _NAME


class RestartJpeg(OpenedImage):
    """A JPEG written by `encode`, whose method `pixels` decodes only the blocks under a box.

    Args:
        contents: Contents of the file.

    Raises:
        UnreadableImage: If the list of blocks is damaged.
    """

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        try:
            _, height, width, self._size, self._scan = _HEAD.unpack_from(contents, 6)
            self._shape = -(-height // _BLOCK), -(-width // _BLOCK)
            count = self._shape[0] * self._shape[1]
            self._lengths = np.frombuffer(contents, "<u2", count, 6 + _HEAD.size)
        except (struct.error, ValueError):
            raise UnreadableImage("its list of blocks is damaged") from None
        # Length of the list: the offset from positions in the file without it to positions in this file.
        self._listed = 2 + int.from_bytes(contents[4:6], "big")
        super().__init__(height, width, lambda: jpeg_packed(contents))

    def pixels(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, int, int]:
        """Returns pixels that contain a box, equal to those of the whole image; see `OpenedImage.pixels`."""
        rows, columns = self._shape
        first_row, end_row = _blocks(top, height, rows)
        first, end = _blocks(left, width, columns)
        if self._packed is not None or (end_row - first_row) * (end - first) == rows * columns:
            return super().pixels(top, left, height, width)
        part = jpeg_packed(self._cut(first_row, end_row, first, end))
        return part, top - first_row * _BLOCK, left - first * _BLOCK

    def _cut(self, first_row: int, end_row: int, first: int, end: int) -> bytearray:
        """Returns a JPEG of a rectangle of blocks."""
        _, columns = self._shape
        begins = np.concatenate(([0], np.cumsum(self._lengths, dtype=np.int64)))
        begins = (begins + (self._listed + self._scan)).tolist()
        head = bytearray(self.contents[self._listed : self._listed + self._scan])
        head[:2] = _START
        height = min(end_row * _BLOCK, self.height) - first_row * _BLOCK
        width = min(end * _BLOCK, self.width) - first * _BLOCK
        head[self._size : self._size + 4] = struct.pack(">HH", height, width)
        lines = range(first_row * columns, end_row * columns, columns)
        parts = [self.contents[begins[line + first] : begins[line + end]] for line in lines]
        cut = bytearray().join([head, *parts])
        # Markers are numbered 0 to 7 cyclically; the last one is replaced by the end of the file.
        kept = self._lengths.reshape(self._shape)[first_row:end_row, first:end]
        ends = np.cumsum(kept, dtype=np.int64) + (len(head) - 1)
        markers = np.frombuffer(cut, np.uint8)
        markers[ends] = _MARKERS[: len(ends)]
        markers[-1] = _END
        return cut


def _blocks(start: int, length: int, count: int) -> tuple[int, int]:
    """Returns the first block under a box and its margin, and the one after the last."""
    end = -(-(start + length + _MARGIN) // _BLOCK)
    return max(start - _MARGIN, 0) // _BLOCK, min(end, count)


def _positions(contents: bytes) -> tuple[int, int]:
    """Returns the positions of height and width, and of the first block, in a baseline JPEG."""
    size, start = 0, 2
    while True:
        kind, length = contents[start + 1], int.from_bytes(contents[start + 2 : start + 4], "big")
        if kind == _SOF:
            size = start + 5
        start += 2 + length
        if kind == _SOS:
            return size, start
