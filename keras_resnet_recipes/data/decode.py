"""From an image, in whatever form it comes, to RGB pixels: those of Pillow's `convert("RGB")`."""

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from keras_resnet_recipes.augment import kernels

# Above this Pillow warns of a file that is small and decodes to more than the memory holds.
MAX_PIXELS = 89_478_485
# Images above this, 64 MB of pixels, are in memory one at a time, whatever the number of threads.
_LARGE = 16_000_000
# Pixels that are converted at a time: of a large image there are then no three copies.
_STRIP = 4_000_000
_JPEG = b"\xff\xd8\xff"
# Of simplejpeg: KeyError for a chroma subsampling it does not know, such as 4:4:1.
_REFUSED = (ValueError, KeyError)
_RGB = np.uint32(0x00FFFFFF)

_one_at_a_time = threading.RLock()


class UnreadableImage(ValueError):  # noqa: N818 (it says what an image is)
    """An image that cannot be read, and the reason in one line.

    Example:
        >>> decode(b"no image")
        Traceback (most recent call last):
        keras_resnet_recipes.data.decode.UnreadableImage: unknown image file format, or its header is damaged
    """


class OpenedImage:
    """An image of known size whose pixels are decoded once they are asked for.

    Pixels are packed, uint32 [height, width]: red in the lowest byte, then green, blue and 0. Within
    `with`, an image of more than 16 million pixels is the only such one in the process; others wait.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        decode: Makes the packed pixels.

    Example:
        >>> image = opened(np.full((4, 5), 7, np.uint8))
        >>> image.height, image.width, image.rgb()[0, 0].tolist(), hex(image.packed()[0, 0])
        (4, 5, [7, 7, 7], '0x70707')
    """

    def __init__(self, height: int, width: int, decode: Callable[[], np.ndarray]) -> None:
        self.height = height
        self.width = width
        self._decode = decode
        self._packed: np.ndarray | None = None
        self._is_large = height * width > _LARGE

    def opened(self) -> Self:
        """The image itself."""
        return self

    def packed(self) -> np.ndarray:
        """All pixels, packed, uint32 [height, width]; decoded once.

        Raises:
            UnreadableImage: If the image is damaged.
        """
        if self._packed is None:
            packed = self._decode()
            if packed.shape != (self.height, self.width):
                raise UnreadableImage(
                    f"its header says {self.width} x {self.height} pixels, it has "
                    f"{packed.shape[1]} x {packed.shape[0]}"
                )
            self._packed = packed
        return self._packed

    def pixels(self, top: int, left: int, height: int, width: int) -> tuple[np.ndarray, int, int]:
        """Pixels that contain a part of the image, which may be all there are.

        Args:
            top: First row of the part.
            left: First column of the part.
            height: Rows of the part.
            width: Columns of the part.

        Returns:
            Packed pixels, and the row and the column in them at which the part begins.

        Raises:
            UnreadableImage: If the image is damaged.
        """
        return self.packed(), top, left

    def rgb(self) -> np.ndarray:
        """All pixels, uint8 [height, width, 3].

        Raises:
            UnreadableImage: If the image is damaged.
        """
        return kernels.packing.unpack(self.packed())

    def __enter__(self) -> Self:
        if self._is_large:
            _one_at_a_time.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_large:
            self._packed = None
            _one_at_a_time.release()


def opened(image: Any, max_pixels: int = MAX_PIXELS) -> OpenedImage:
    """An image of any form, as `ImageDataset.read` returns it, with its size read and nothing decoded.

    Args:
        image: `bytes`, the contents of an image file; uint8 [height, width, 3], [height, width, 1] or
            [height, width]; a Pillow image; or an object with a method `opened`.
        max_pixels: Larger images are not decoded.

    Raises:
        UnreadableImage: If the contents are no image that Pillow opens, or the image is too large.
        ValueError: If it is none of these.

    Example:
        >>> file = io.BytesIO()
        >>> Image.new("L", (50, 40), 9).save(file, "PNG")
        >>> with opened(file.getvalue()) as image:
        ...     image.height, image.width, image.rgb().shape
        (40, 50, (40, 50, 3))
    """
    if isinstance(image, bytes):
        image = _opened_file(image)
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim < 2 or image.shape[2:] not in ((), (1,), (3,)):
            raise ValueError(
                "`read` must return images of uint8 [height, width, 3], [height, width, 1] or [height, width]. "
                f"Received: {image.dtype} {list(image.shape)}"
            )
        made = OpenedImage(*image.shape[:2], lambda: packed(image))
    elif isinstance(image, Image.Image):
        made = OpenedImage(image.height, image.width, lambda: _packed_by_pillow(image))
    elif hasattr(image, "opened"):
        made = image.opened()
    else:
        raise ValueError(
            "`read` must return bytes, a uint8 array or a Pillow image. "
            f"Received: {type(image).__name__}"
        )
    if made.height * made.width > max_pixels:
        raise UnreadableImage(
            f"it has {made.width} x {made.height} pixels, more than the limit of {max_pixels:,}; "
            f"krr.data.from_source(..., max_pixels={made.width * made.height}) raises it"
        )
    return made


def decode(contents: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Pixels of an image file, as Pillow's `convert("RGB")` gives them and timm trains on.

    Grey, palette, CMYK and 16-bit images become RGB, transparency is dropped, of several frames the
    first is taken, and a rotation noted in EXIF is not carried out. JPEG in grey and YCbCr is decoded by
    simplejpeg, whose pixels are the same in half the time, and everything else by Pillow.

    Args:
        contents: Contents of a file of any format that Pillow opens, but EPS.
        max_pixels: Larger images are not decoded.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        UnreadableImage: If the contents are no such file, damaged, cut off, or too large an image.

    Example:
        >>> import io, keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (5, 4), (1, 2, 3)).save(file, "PNG")
        >>> krr.data.decode(file.getvalue())[0, 0].tolist()
        [1, 2, 3]

    References:
        - timm `data/dataset.py`, which calls Pillow's `Image.open(...).convert("RGB")` and nothing of EXIF
    """
    with opened(contents, max_pixels) as image:
        return image.rgb()


def packed(image: np.ndarray) -> np.ndarray:
    """A uint8 image [height, width, 3], [height, width, 1] or [height, width], packed.

    Example:
        >>> [hex(pixel) for pixel in packed(np.array([[[1, 2, 3], [255, 0, 0]]], np.uint8))[0]]
        ['0x30201', '0xff']
    """
    image = image[..., None] if image.ndim == 2 else image
    pixels = np.zeros((*image.shape[:2], 4), np.uint8)
    for channel in range(3):
        pixels[..., channel] = image[..., channel % image.shape[-1]]
    return pixels.view("<u4")[..., 0]


def jpeg_packed(contents: bytes | bytearray) -> np.ndarray:
    """The packed pixels of a JPEG.

    Raises:
        UnreadableImage: If it is damaged.
    """
    try:
        # What simplejpeg decodes without a complaint has Pillow's bytes; Pillow forgives more.
        pixels = simplejpeg.decode_jpeg(contents, "RGBX").view("<u4")[..., 0]
    except _REFUSED:
        return _packed_by_pillow(_opened_by_pillow(contents))
    pixels &= _RGB
    return pixels


def _opened_file(contents: bytes) -> OpenedImage | Image.Image:
    if contents.startswith(_JPEG):
        with contextlib.suppress(*_REFUSED):
            height, width, colors, _ = simplejpeg.decode_jpeg_header(contents)
            if colors not in ("CMYK", "YCCK"):  # where it is one level off
                return OpenedImage(height, width, lambda: jpeg_packed(contents))
    return _opened_by_pillow(contents)


def _opened_by_pillow(contents: bytes | bytearray) -> Image.Image:
    if not contents:
        raise UnreadableImage("the file is empty")
    with _one_line_of_pillow():
        image = Image.open(io.BytesIO(contents))
    if image.format == "EPS":
        raise UnreadableImage("EPS is a program that draws an image, which is not run")
    return image


def _packed_by_pillow(image: Image.Image) -> np.ndarray:
    with _one_line_of_pillow():
        image.load()
        width, height = image.size
        rows = max(_STRIP // width, 1)
        if rows >= height:
            return packed(np.asarray(image.convert("RGB")))
        pixels = np.empty((height, width), "<u4")
        for top in range(0, height, rows):
            strip = image.crop((0, top, width, min(top + rows, height)))
            pixels[top : top + rows] = packed(np.asarray(strip.convert("RGB")))
    return pixels


@contextlib.contextmanager
def _one_line_of_pillow() -> Iterator[None]:
    """Makes one line of whatever a plugin of Pillow raises, and drops what it warns of."""
    # Warnings are of metadata, and of sizes that `opened` checks. `catch_warnings` would be undone by
    # other threads; an entry of its own in the list is taken out again whatever else has changed.
    ignored = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
    warnings.filters.insert(0, ignored)
    try:
        yield
    except UnidentifiedImageError:
        raise UnreadableImage("unknown image file format, or its header is damaged") from None
    except Image.DecompressionBombError as error:
        pixels = int(re.findall(r"\d+", str(error))[0])
        raise UnreadableImage(
            f"it has {pixels:,} pixels, more than the limit of Pillow; PIL.Image.MAX_IMAGE_PIXELS = {pixels} and "
            f"krr.data.from_source(..., max_pixels={pixels}) raise it"
        ) from None
    except Exception as error:  # plugins raise everything from struct.error to SyntaxError
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnreadableImage(reason) from None
    finally:
        with contextlib.suppress(ValueError):
            warnings.filters.remove(ignored)
