"""Several views of one image for evaluation: ten crops, or several sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_resnet_recipes.augment.crop import check_interpolation
from keras_resnet_recipes.augment.resize import resize


def resize_shorter_edge(image: np.ndarray, edge: int, cubic: bool = True) -> np.ndarray:
    """Resizes an image so that its shorter edge has a given length.

    Args:
        image: uint8 [height, width, 3], of any size.
        edge: Length in pixels, at least 1; the longer edge is truncated to an integer.
        cubic: Bicubic if true, bilinear if false.

    Returns:
        uint8 [height, width, 3].

    Example:
        >>> resize_shorter_edge(np.zeros((40, 30, 3), np.uint8), 15).shape
        (20, 15, 3)

    References:
        torchvision `transforms/functional.py`, resize.
    """
    height, width = (edge * length // min(image.shape[:2]) for length in image.shape[:2])
    return resize(image, height, width, cubic)


def resize_to_scales(
    image: np.ndarray,
    shorter_edges: Sequence[int] = (224, 256, 384, 480, 640),
    cubic: bool = True,
) -> list[np.ndarray]:
    """Returns an image in several sizes, for `krr.evaluation.multi_scale_scores`.

    Args:
        image: uint8 [height, width, 3], of any size.
        shorter_edges: Lengths in pixels of the shorter edge.
        cubic: Bicubic if true, bilinear if false.

    Returns:
        A list of images, uint8 [height, width, 3], one per length.

    Example:
        >>> scales = resize_to_scales(np.zeros((40, 30, 3), np.uint8), (15, 30))
        >>> [scale.shape for scale in scales]
        [(20, 15, 3), (40, 30, 3)]

    References:
        He et al. (arXiv:1512.03385), section 3.4.
    """
    return [resize_shorter_edge(image, edge, cubic) for edge in shorter_edges]


@dataclass(frozen=True)
class TenCrop:
    """Ten-crop evaluation: crops of the four corners and the center, and the same of the flipped image.

    Nothing is random. The scores of the ten crops are averaged; see `krr.evaluation.average_scores`.

    Args:
        size: Height and width of the squares in pixels, at least 1.
        shorter_edge: Length to which the shorter edge of the image is resized, at least `size`.
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> TenCrop(size=16, shorter_edge=20)(np.zeros((40, 30, 3), np.uint8)).shape
        (10, 16, 16, 3)

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        section 4.1; He et al. (arXiv:1512.03385), section 3.4; torchvision
        `transforms/functional.py`, ten_crop.
    """

    size: int = 224
    shorter_edge: int = 256
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        if not (isinstance(self.size, int) and self.size >= 1):
            raise ValueError(
                f"`size` must be an integer of at least 1. Received: size={self.size!r}"
            )
        if not (isinstance(self.shorter_edge, int) and self.shorter_edge >= self.size):
            raise ValueError(
                f"`shorter_edge` must be an integer of at least {self.size}. "
                f"Received: shorter_edge={self.shorter_edge!r}"
            )
        check_interpolation(self.interpolation)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Resizes and crops one image.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.

        Returns:
            uint8 [10, size, size, 3]: top left, top right, bottom left, bottom right, center; then the
            same of the flipped image.
        """
        resized = resize_shorter_edge(image, self.shorter_edge, self.interpolation == "bicubic")
        size, (height, width) = self.size, resized.shape[:2]
        squares = [
            image[top : top + size, left : left + size]
            for image in (resized, resized[:, ::-1])
            for top, left in five_corners(height, width, size)
        ]
        return np.stack(squares)


def five_corners(height: Any, width: Any, size: int) -> list[tuple[Any, Any]]:
    """Returns the top left corners of the squares of a ten-crop evaluation.

    Args:
        height: Height of the image, an int or an integer tensor.
        width: Width of the image, an int or an integer tensor.
        size: Height and width of the squares.

    Returns:
        Top and left of five squares: top left, top right, bottom left, bottom right, and center, rounded
        half to even.

    Raises:
        ValueError: If the image size is static and smaller than the squares.

    Example:
        >>> five_corners(9, 7, 4)
        [(0, 0), (0, 3), (5, 0), (5, 3), (2, 2)]

    References:
        torchvision `transforms/functional.py`, five_crop.
    """
    for length in (height, width):
        if isinstance(length, int) and length < size:
            raise ValueError(
                f"`size` must be at most that of the image, {length}. Received: size={size!r}"
            )
    bottom, right = height - size, width - size
    middle = tuple(room // 2 + room % 2 * (room // 2 % 2) for room in (bottom, right))
    return [(0, 0), (0, right), (bottom, 0), (bottom, right), middle]
