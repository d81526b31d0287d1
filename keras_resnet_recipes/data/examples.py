"""One example of anybody's data set: an image in any of the usual forms, and a label."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from keras_resnet_recipes.data.folder import contents_of
from keras_resnet_recipes.hints import label_hint, range_hint, shape_hint

_WANTED = (
    "`dataset` must yield (image, label): a Pillow image, encoded bytes, or pixels, uint8 or float with values 0..255, "
    "[height, width, 3 or 1], and an integer label"
)
# In these forms an image is one, and has no pixels yet.
_FILES = bytes | Image.Image | Mapping
_IMAGE_KEYS, _LABEL_KEYS = ("image", "img"), ("label", "labels", "fine_label")


def pair(example: Any) -> tuple[Any, Any]:
    """Image and label of an example, a pair or a dictionary of the two.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> pair({"image": b"", "label": 3, "id": 8})
        (b'', 3)
    """
    if isinstance(example, Mapping):
        image = [key for key in _IMAGE_KEYS if key in example]
        label = [key for key in _LABEL_KEYS if key in example]
        if image and label:
            return example[image[0]], example[label[0]]
        raise ValueError(f"{_WANTED}; received a dictionary of {', '.join(map(str, example))}.")
    if isinstance(example, tuple | list) and len(example) == 2:
        return example[0], example[1]
    raise ValueError(f"{_WANTED}; received {_described(example)}.")


def checked(example: Any, name: str) -> tuple[Any, int]:
    """Image and label as `ImageDataset.read` returns them.

    Args:
        example: Image and label.
        name: What messages call the image.

    Raises:
        ValueError: If the image or the label is no such thing, or a float image is outside 0..255.

    Example:
        >>> image, label = checked((np.full((2, 2), 99.6), np.int64(1)), "image 7")
        >>> image[0, 0], image.dtype, label
        (np.uint8(100), dtype('uint8'), 1)
    """
    image, label = pair(example)
    return _checked_image(image, name), _checked_label(label, name)


def check_range(images: Iterable[Any]) -> None:
    """Raises ValueError if all float images end at 1, which would be black pictures, silently."""
    pixels = [np.asarray(image) for image in images if not isinstance(image, _FILES)]
    floats = [image for image in pixels if np.issubdtype(image.dtype, np.floating)]
    high = max(map(np.max, floats), default=255)
    if high <= 1:
        low = min(map(np.min, floats))
        raise ValueError(
            f"float images of `dataset` must have values 0..255. Received: {low:g}..{high:g}.{range_hint(low, high)}"
        )


def is_batch(image: Any) -> bool:
    """Whether images are several.

    Example:
        >>> is_batch(np.zeros((2, 4, 4, 3))), is_batch(np.zeros((4, 4, 3))), is_batch(b"")
        (True, False, False)
    """
    if isinstance(image, _FILES):
        return False
    pixels = np.asarray(image)
    return pixels.ndim == 4 or (pixels.ndim == 1 and pixels.dtype.kind in "OS")


def _checked_image(image: Any, name: str) -> Any:
    if isinstance(image, bytes | Image.Image):
        return image
    if isinstance(image, Mapping) and {*image} >= {"bytes", "path"}:  # Hugging Face's, not decoded
        return image["bytes"] if image["bytes"] is not None else contents_of(image["path"])
    pixels = np.asarray(image)
    if pixels.ndim == 0 and isinstance(pixels[()], bytes):
        return pixels[()]
    floats = np.issubdtype(pixels.dtype, np.floating)
    is_image = pixels.ndim >= 2 and pixels.shape[2:] in ((), (1,), (3,))
    if not is_image or not (floats or pixels.dtype == np.uint8):
        hint = "" if is_image else shape_hint((1, *pixels.shape))
        raise ValueError(f"{_WANTED}; {name} is {_described(image)}.{hint}")
    if not floats:
        return pixels
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 255):  # nor is NaN
        raise ValueError(
            f"float images must have values 0..255; {name} has {low:g}..{high:g}.{range_hint(low, high)}"
        )
    return np.rint(pixels).astype(np.uint8)


def _checked_label(label: Any, name: str) -> int:
    number = np.asarray(label)
    if number.shape == (1,):
        number = number[0]
    if number.ndim or not np.issubdtype(number.dtype, np.integer):
        raise ValueError(
            f"{_WANTED}; the label of {name} is {_described(label)}.{label_hint(number.ndim + 1)}"
        )
    if number < 0:
        raise ValueError(f"labels must be 0 or more; that of {name} is {number}.")
    return int(number)


def _described(value: Any) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{dtype} of the shape {shape}"
