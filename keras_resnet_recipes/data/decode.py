"""Decoding of images in any form to RGB pixels, equal to Pillow's `convert("RGB")`."""

import contextlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import simplejpeg
from PIL import ExifTags, Image, UnidentifiedImageError

from keras_resnet_recipes.augment import kernels

# Above this Pillow warns of decompression bombs: small files that decode to more than the memory holds.
MAX_PIXELS = 89_478_485
# Larger images, of more than 64 MB of pixels, are decoded one at a time by all threads together.
_LARGE = 16_000_000
# Pixels converted at a time, so that there are never three copies of a large image.
_STRIP = 4_000_000
_JPEG = b"\xff\xd8\xff"
# simplejpeg raises KeyError for a chroma subsampling that it does not know, such as 4:4:1.
_REFUSED = (ValueError, KeyError)
_RGB = np.uint32(0x00FFFFFF)

# What makes an image of each EXIF orientation upright.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}

_one_at_a_time = threading.RLock()


class UnreadableImage(ValueError):  # noqa: N818 (public name)
    """Raised for an image that cannot be read; the message is the reason in one line.

    Example:
        >>> decode(b"no image")
        Traceback (most recent call last):
        keras_resnet_recipes.data.decode.UnreadableImage: unknown image file format, or its header is damaged
    """


class OpenedImage:
    """An image of known size whose pixels are decoded on demand.

    Pixels are packed, uint32 [height, width]: red in the lowest byte, then green, blue and 0. As a context
    manager, it holds a lock if the image has more than 16 million pixels, so that the process decodes
    one such image at a time.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        decode: Returns the packed pixels.

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
        """Returns the image itself."""
        return self

    def packed(self) -> np.ndarray:
        """Returns all pixels, packed, uint32 [height, width]; they are decoded once.

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
        """Returns pixels that contain a box of the image; they may be the whole image.

        Args:
            top: First row of the box.
            left: First column of the box.
            height: Rows of the box.
            width: Columns of the box.

        Returns:
            Packed pixels, and the row and the column of the box in them.

        Raises:
            UnreadableImage: If the image is damaged.
        """
        return self.packed(), top, left

    def rgb(self) -> np.ndarray:
        """Returns all pixels, uint8 [height, width, 3].

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
    """Opens an image in any form that `ImageDataset.read` may return; reads its size without decoding it.

    Args:
        image: `bytes`, the contents of an image file; uint8 [height, width, 3], [height, width, 1] or
            [height, width]; a Pillow image; or an object with a method `opened`.
        max_pixels: Larger images are errors.

    Raises:
        UnreadableImage: If Pillow cannot open the contents, or the image is too large.
        ValueError: If `image` has another type, shape or dtype.

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
    """Decodes an image file to the pixels of Pillow's `convert("RGB")`, on which timm trains.

    Gray, palette, CMYK and 16-bit images are converted to RGB, transparency is dropped, only the first
    frame is used, and the EXIF rotation is not applied. JPEG in gray and YCbCr is decoded by simplejpeg,
    with equal pixels in half the time, and everything else by Pillow.

    Args:
        contents: Contents of a file in any format that Pillow opens, except EPS.
        max_pixels: Larger images are errors.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        UnreadableImage: If the contents are not an image file, damaged or truncated, or the image is too large.

    Example:
        >>> import io, keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (5, 4), (1, 2, 3)).save(file, "PNG")
        >>> krr.data.decode(file.getvalue())[0, 0].tolist()
        [1, 2, 3]

    References:
        timm `data/dataset.py`, which calls Pillow's `Image.open(...).convert("RGB")` and ignores EXIF.
    """
    with opened(contents, max_pixels) as image:
        return image.rgb()


def orientation(contents: bytes) -> int:
    """Returns the EXIF orientation of an image file, 1 to 8; 1, upright, if it has none or cannot be read.

    Only the header is read; EXIF data after the pixels of a PNG are not found.

    Example:
        >>> file, image = io.BytesIO(), Image.new("RGB", (5, 4))
        >>> exif = image.getexif()
        >>> exif[ExifTags.Base.Orientation] = 6
        >>> image.save(file, "JPEG", exif=exif)
        >>> orientation(file.getvalue())
        6
    """
    found = 1
    with (
        contextlib.suppress(UnreadableImage),
        _pillow_errors_in_one_line(),
        _opened_by_pillow(contents) as image,
    ):
        # Pillow would decode a PNG to look for them.
        if "exif" in image.info:
            found = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found if found in _UPRIGHT else 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turns an image as its EXIF orientation says.

    Args:
        pixels: [height, width, ...].
        orientation: 1 to 8, where 6, that of a phone on its side, is turned clockwise.

    Example:
        >>> upright(np.array([[1, 2], [3, 4]]), 6).tolist()
        [[3, 1], [4, 2]]

    References:
        EXIF 2.32, tag 274; Pillow's `ImageOps.exif_transpose`.
    """
    return np.ascontiguousarray(_UPRIGHT[orientation](pixels))


def packed(image: np.ndarray) -> np.ndarray:
    """Packs a uint8 image [height, width, 3], [height, width, 1] or [height, width].

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
    """Returns the packed pixels of a JPEG.

    Raises:
        UnreadableImage: If the JPEG is damaged.
    """
    try:
        # What simplejpeg decodes without an error has Pillow's bytes; Pillow is more tolerant.
        pixels = simplejpeg.decode_jpeg(contents, "RGBX").view("<u4")[..., 0]
    except _REFUSED:
        return _packed_by_pillow(_opened_by_pillow(contents))
    pixels &= _RGB
    return pixels


def _opened_file(contents: bytes) -> OpenedImage | Image.Image:
    if contents.startswith(_JPEG):
        with contextlib.suppress(*_REFUSED):
            height, width, colors, _ = simplejpeg.decode_jpeg_header(contents)
            if colors not in ("CMYK", "YCCK"):  # in which simplejpeg differs by one level
                return OpenedImage(height, width, lambda: jpeg_packed(contents))
    return _opened_by_pillow(contents)


def _opened_by_pillow(contents: bytes | bytearray) -> Image.Image:
    if not contents:
        raise UnreadableImage("the file is empty")
    with _pillow_errors_in_one_line():
        image = Image.open(io.BytesIO(contents))
    if image.format == "EPS":
        raise UnreadableImage("EPS is a program that draws an image, and is not executed")
    return image


def _packed_by_pillow(image: Image.Image) -> np.ndarray:
    with _pillow_errors_in_one_line():
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
def _pillow_errors_in_one_line() -> Iterator[None]:
    """Context manager that converts errors of Pillow's plugins to one line and drops their warnings."""
    # The warnings concern metadata, and sizes that `opened` checks. `catch_warnings` would be undone by
    # other threads; a separate entry in the list can be removed whatever else has changed.
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
    except Exception as error:  # plugins raise anything from struct.error to SyntaxError
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UnreadableImage(reason) from None
    finally:
        with contextlib.suppress(ValueError):
            warnings.filters.remove(ignored)
