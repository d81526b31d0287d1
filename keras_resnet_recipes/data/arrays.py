"""Images and labels in memory as NumPy arrays, or in an .npz file."""

import contextlib
import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile, ZipFile

import numpy as np

from keras_resnet_recipes.hints import is_multi_hot, label_hint, offset_hint, range_hint, shape_hint
from keras_resnet_recipes.names import closest_path

# Names of the arrays in Keras' data sets and copies of them.
SPLITS = {"train": ("x_train", "y_train"), "validation": ("x_test", "y_test")}
# First bytes of an archive of arrays, and of a single array.
_BEGINNINGS = (b"PK", b"\x93N")
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    MemoryError,
    BadZipFile,
    zlib.error,
)
# zlib packs zeros a thousandfold, photos hardly at all, and the shapes of dSprites, black and white, by 112.
_LARGEST_EXPANSION = 200
# Bytes that any array may take.
_SMALL = 1 << 26


@dataclasses.dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images of one size with their labels, checked on construction.

    Args:
        name: Name in messages.
        images: [n, height, width, 3], [n, height, width, 1] or [n, height, width]; uint8, or float with values 0..255.
        labels: Integers [n] or [n, 1], from 0; or, for several labels per image, multi-hot rows [n, classes] of 0 and
            1, not all of which have exactly one 1.

    Attributes:
        images: uint8, in the shape of the argument.
        labels: int64 [n], or uint8 [n, classes].

    Raises:
        ValueError: If there is no image, a shape, dtype or range is wrong, or the lengths differ.

    Example:
        >>> arrays = ImageArrays("mine", np.zeros((3, 28, 28), "uint8"), np.arange(3))
        >>> arrays.size, arrays.rgb().shape
        (3, (3, 28, 28, 3))
    """

    name: str
    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = _as_array("images", self.images), _as_array("labels", self.labels)
        _check_images(images)
        if images.dtype != np.uint8:
            images = np.rint(images).astype(np.uint8)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", _checked_labels(labels, len(images)))

    @property
    def size(self) -> int:
        """Number of images."""
        return len(self.images)

    @classmethod
    def from_npz(cls, path: str | Path, split: str = "train") -> Self:
        """Reads an .npz file with x_train, y_train, x_test and y_test, the format of Keras' data sets.

        Args:
            path: The file; it must not contain Python objects.
            split: "train" or "validation" (x_test and y_test).

        Raises:
            ValueError: If the file does not exist, lacks the two arrays, or they are not images and labels.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     np.savez(folder + "/a.npz", x_train=np.zeros((2, 8, 8, 3), "uint8"), y_train=[0, 1])
            ...     ImageArrays.from_npz(folder + "/a.npz").labels
            array([0, 1])
        """
        if split not in SPLITS:
            raise ValueError(
                f"`split` of an .npz file must be 'train' or 'validation'. Received: split={split!r}"
            )
        try:
            with _opened(path) as file:
                missing = [name for name in SPLITS[split] if name not in file]
                if missing:
                    raise ValueError(f"it has no {missing[0]}, only {', '.join(file)}")
                _check_expansion(file.zip, SPLITS[split])
                images, labels = (file[name] for name in SPLITS[split])
        except FileNotFoundError:
            path = Path(path)
            raise ValueError(f"there is no file {str(path)!r}.{closest_path(path)}") from None
        except _UNREADABLE as error:
            raise ValueError(f"cannot read {str(path)!r}: {str(error).rstrip('.')}.") from None
        return cls(f"{split} of {str(path)!r}", images, labels)

    def rgb(self) -> np.ndarray:
        """Returns the images with three channels, uint8 [n, height, width, 3]."""
        images = self.images[..., None] if self.images.ndim == 3 else self.images
        return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images

    def check_labels(self, classes: int) -> None:
        """Raises ValueError if a label is outside 0..classes-1."""
        check_labels(self.name, self.labels, classes)


def is_npz(source: Any) -> bool:
    """Returns whether a source is the path of an .npz file.

    Example:
        >>> is_npz("cifar10.npz"), is_npz(np.zeros(3))
        (True, False)
    """
    return isinstance(source, str | Path) and Path(source).suffix.lower() == ".npz"


def has_test_images(path: str | Path) -> bool:
    """Returns whether an .npz file is readable and has x_test, which is then evaluated after every epoch."""
    try:
        with _opened(path) as file:
            return all(name in file for name in SPLITS["validation"])
    except _UNREADABLE:
        return False


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    # Opened here, because NumPy does not close a file that it cannot read.
    with Path(path).expanduser().open("rb") as stream:
        # For any other file NumPy's error would suggest that it may be a pickle.
        if stream.read(2) not in _BEGINNINGS:
            raise ValueError("it is not an .npz file")
        stream.seek(0)
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, Mapping):
            raise ValueError("it contains a single array")
        with file:
            yield file


def _check_expansion(archive: ZipFile, names: Sequence[str]) -> None:
    """Raises ValueError if an array takes so much more memory than its part of the file that it was made to do so."""
    for member in archive.infolist():
        name, size, packed = Path(member.filename).stem, member.file_size, member.compress_size
        if name in names and size > max(_SMALL, _LARGEST_EXPANSION * packed):
            raise ValueError(
                f"{name} would take {size / 1e6:.0f} MB, packed into {packed / 1e6:.1f} MB. "
                "If it really is so regular, store it with numpy.savez, which does not compress"
            )


def check_labels(name: str, labels: np.ndarray, classes: int) -> None:
    """Raises ValueError if a label is outside 0..classes-1; `name` is the data set's name in messages."""
    if labels.ndim == 2:
        low, high = 0, labels.shape[1] - 1
    else:
        low, high = int(labels.min(initial=0)), int(labels.max(initial=0))
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels of {name} must be within 0..{classes - 1} for {classes} classes. "
            f"Received: {low if low < 0 else high}{offset_hint(low, high, classes)}"
        )


def _as_array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"`{name}` must be of one size: {error}.") from None


def _check_images(images: np.ndarray) -> None:
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in (1, 3)):
        raise ValueError(
            "`images` must be [n, height, width, 3], [n, height, width, 1] or [n, height, width]. "
            f"Received: shape={images.shape}.{shape_hint(images.shape)}"
        )
    if not images.size:
        raise ValueError(
            f"`images` must contain at least one image. Received: shape={images.shape}"
        )
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"`images` must be uint8, or float with values 0..255. Received: dtype={images.dtype}. "
            "For integers 0..255 use images.astype('uint8')."
        )
    low, high = float(images.min()), float(images.max())
    # Values 0..1 would be trained on as black images, which only bytes of 0 can be meant to be.
    black = images.dtype == np.uint8 and high == 0
    if not black and not (low >= 0 and 1 < high <= 255):
        raise ValueError(
            f"`images` must have values 0..255. Received: {low:g}..{high:g}.{range_hint(low, high)}"
        )


def _checked_labels(labels: np.ndarray, images: int) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dtype.kind in "USO" and labels.size:
        raise ValueError(
            f"`labels` must be integers. Received: {str(labels.flat[0])!r} among them. Number the classes: "
            "names, labels = np.unique(labels, return_inverse=True)."
        )
    several = is_multi_hot(labels) and bool((labels.sum(axis=1) != 1).any())
    if not several and (labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer)):
        raise ValueError(
            "`labels` must be integers [n] or [n, 1], or for several labels per image rows of 0 and 1, [n, classes]. "
            f"Received: {labels.dtype} of shape {labels.shape}.{label_hint(labels)}"
        )
    if len(labels) != images:
        raise ValueError(
            f"`labels` must be as many as the images ({images}). Received: {len(labels)} labels"
        )
    if several:
        return labels.astype(np.uint8)
    if labels.min() < 0:
        raise ValueError(f"`labels` must be 0 or more. Received: {labels.min()}")
    return labels.astype(np.int64)
