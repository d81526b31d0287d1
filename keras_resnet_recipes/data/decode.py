"""From the contents of an image file to RGB pixels: those of Pillow's `convert("RGB")`."""

import io
from collections.abc import Callable

import numpy as np
import tensorflow as tf

# Pillow's own limit (two thirds of 2**28): 512 MiB of pixels, from a file that may be a few kB long.
MAX_PIXELS = 178_956_970

# TensorFlow's default JPEG transform is 0.77 grey levels darker than Pillow's on average; this one
# gives Pillow's pixels.
_LIKE_PILLOW = "INTEGER_ACCURATE"
_TOO_LARGE = f"the image has more than {MAX_PIXELS:,} pixels"
_END_OF_JPEG = b"\xff\xd9"
# Every number looked at here stands within the first bytes of a file.
_HEAD = 40

# Inlined, each operation of the rare formats is passed over for every JPEG, and together that takes
# a twentieth of a picture's time; `of_other` below is not for the same reason.
_not_inlined = tf.function(
    input_signature=[tf.TensorSpec([], tf.string)],
    autograph=False,
    experimental_attributes={"_noinline": True},
)


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Pixels of an encoded image, as Pillow's `convert("RGB")` gives them and timm trains on.

    Grey, palette, CMYK and 16-bit images become RGB, transparency is dropped, and a rotation noted in
    EXIF is not carried out. TensorFlow decodes all it decodes alike; Pillow (the extra `images`) the
    others: WebP with transparency, animation or lossless, BMP other than 24-bit, 16-bit grey
    PNG, and GIF with a first frame smaller than the image.

    Args:
        encoded: Scalar string: contents of a JPEG, PNG, BMP, WebP or GIF file (of which the first frame).

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        tf.errors.InvalidArgumentError: If the contents are none of these, damaged, cut off, or larger than
            178,956,970 pixels, which the header tells before anything is decoded.
        tf.errors.UnknownError: If Pillow fails to decode the contents, or is needed and not installed.

    Source: timm `data/dataset.py`, which calls Pillow `Image.open(...).convert("RGB")` and nothing of EXIF.

    >>> import tensorflow as tf, keras_resnet_recipes as krr
    >>> png = tf.io.encode_png(tf.zeros((4, 5, 3), tf.uint8))
    >>> tuple(krr.data.decode(png).shape)
    (4, 5, 3)
    """
    return tf.ensure_shape(_decoded(tf.convert_to_tensor(encoded)), (None, None, 3))


def decode_crop(
    encoded: tf.Tensor, box_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Pixels inside a box of an encoded image; of a JPEG only that part is decoded.

    Args:
        encoded: Scalar string, as for `decode`.
        box_of: From height and width of the whole image to int32 [top, left, height, width].

    Returns:
        uint8 [box height, box width, 3], RGB.

    Raises:
        tf.errors.InvalidArgumentError: As for `decode`, except that damage below the box is not seen.

    >>> import tensorflow as tf, keras_resnet_recipes as krr
    >>> jpeg = tf.io.encode_jpeg(tf.zeros((40, 50, 3), tf.uint8))
    >>> tuple(krr.data.decode_crop(jpeg, lambda height, width: [4, 8, height // 2, 10]).shape)
    (20, 10, 3)
    """
    # A JPEG without its end may be cut off anywhere, and only decoding all of it tells.
    end = tf.strings.substr(encoded, -tf.minimum(tf.strings.length(encoded), 2), 2)

    def of_jpeg() -> tf.Tensor:
        shape = _checked_jpeg_shape(encoded)
        box = box_of(shape[0], shape[1])
        return tf.io.decode_and_crop_jpeg(encoded, box, channels=3, dct_method=_LIKE_PILLOW)

    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def of_other() -> tf.Tensor:
        return cropped(_decoded(encoded), box_of)

    image = tf.cond(tf.io.is_jpeg(encoded) & (end == _END_OF_JPEG), of_jpeg, of_other)
    return tf.ensure_shape(image, (None, None, 3))


def cropped(image: tf.Tensor, box_of: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Pixels inside a box of an image [height, width, 3]; `box_of` as for `decode_crop`."""
    shape = tf.shape(image)
    box = box_of(shape[0], shape[1])
    return tf.slice(image, [box[0], box[1], 0], [box[2], box[3], 3])


@_not_inlined
def _decoded(encoded: tf.Tensor) -> tf.Tensor:
    return tf.cond(
        tf.io.is_jpeg(encoded), lambda: _decoded_jpeg(encoded), lambda: _decoded_other(encoded)
    )


def _decoded_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    with tf.control_dependencies([_checked_jpeg_shape(encoded)]):
        return tf.io.decode_jpeg(encoded, channels=3, dct_method=_LIKE_PILLOW)


def _checked_jpeg_shape(encoded: tf.Tensor) -> tf.Tensor:
    shape = tf.io.extract_jpeg_shape(encoded)
    with tf.control_dependencies([_check_size(shape)]):
        return tf.identity(shape)


@_not_inlined
def _decoded_other(encoded: tf.Tensor) -> tf.Tensor:
    head = tf.strings.substr(encoded, 0, _HEAD) + b" " * _HEAD
    alike, size = _header(tf.cast(tf.io.decode_raw(head, tf.uint8)[:_HEAD], tf.int64))

    def by_tensorflow() -> tf.Tensor:
        with tf.control_dependencies([_check_size(size)]):
            image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        whole = tf.reduce_all(tf.shape(image, tf.int64)[:2] == size)
        # Of a GIF TensorFlow gives the first frame, which may be a part of the image.
        return tf.cond(whole, lambda: image, lambda: _decoded_by_pillow(encoded))

    return tf.cond(alike, by_tensorflow, lambda: _decoded_by_pillow(encoded))


def _header(head: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether TensorFlow decodes a file like Pillow, or not at all, and [height, width] where it does.

    Args:
        head: The first 40 bytes, as numbers.

    Source: the PNG, GIF, BMP and WebP specifications.
    """

    def number(start: int, bytes_: int, order: int = 1) -> tf.Tensor:
        digits = head[start : start + bytes_][::order]
        return tf.reduce_sum(digits * [256**place for place in range(bytes_)])

    def is_at(start: int, text: bytes) -> tf.Tensor:
        return tf.reduce_all(head[start : start + len(text)] == list(text))

    # Signed, because a BMP stored from the top down has a negative height.
    rows = number(22, 4)
    rows = tf.abs(tf.where(rows < 2**31, rows, rows - 2**32))
    png, gif, bmp = is_at(0, b"\x89PNG"), is_at(0, b"GIF8"), is_at(0, b"BM")
    webp = is_at(0, b"RIFF") & is_at(8, b"WEBP")
    grey16 = (head[24] == 16) & (head[25] == 0)
    plain_bmp = (number(14, 4) >= 40) & (number(28, 2) == 24) & (number(30, 4) == 0)
    lossy_webp = is_at(12, b"VP8 ")
    size = tf.case(
        [
            (png, lambda: tf.stack([number(20, 4, -1), number(16, 4, -1)])),
            (gif, lambda: tf.stack([number(8, 2), number(6, 2)])),
            (bmp, lambda: tf.stack([rows, number(18, 4)])),
            (webp, lambda: tf.stack([number(28, 2), number(26, 2)]) % 2**14),
        ],
        default=lambda: tf.zeros(2, tf.int64),
    )
    by_pillow = (png & grey16) | (bmp & ~plain_bmp) | (webp & ~lossy_webp)
    return ~by_pillow, size


def _check_size(size: tf.Tensor) -> tf.Operation | None:
    # Not the product: two large numbers of a damaged header overflow it.
    fits = size[0] <= MAX_PIXELS // tf.maximum(size[1], 1)
    # The bare operation: tf.debugging wraps it in a condition, at a tenth of a small picture's time.
    return tf.raw_ops.Assert(condition=fits, data=[_TOO_LARGE], summarize=1)


def _decoded_by_pillow(encoded: tf.Tensor) -> tf.Tensor:
    # With a state, deterministic training would decode one image at a time, of whatever format.
    pixels = tf.numpy_function(_pillow_pixels, [encoded], tf.uint8, stateful=False)
    return tf.ensure_shape(pixels, (None, None, 3))


def _pillow_pixels(encoded: bytes) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "this kind of image needs Pillow: pip install 'keras-resnet-recipes[images]'."
        ) from None
    try:
        with Image.open(io.BytesIO(encoded), formats=["PNG", "BMP", "DIB", "WEBP", "GIF"]) as image:
            return np.asarray(image.convert("RGB"))
    except Image.DecompressionBombError:
        raise ValueError(_TOO_LARGE) from None
