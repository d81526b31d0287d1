"""Random crops for training and center crops for evaluation."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import Crop, Row
from keras_resnet_recipes.augment.variates import between, cubic, log_between
from keras_resnet_recipes.number import number

INTERPOLATIONS = ("random", "bilinear", "bicubic")

TRIES = 10
"""Number of boxes that timm and torchvision draw before they fall back to a central one."""


class RandomResizedCrop(Crop):
    """Crops a random part of an image and resizes it to a square.

    Area and aspect ratio (width to height) are drawn up to ten times until the crop fits into the
    image; otherwise the largest central crop with a legal aspect ratio is taken. Pixels outside the
    crop never contribute. Bytes are those of Pillow up to 12, which resizes widths first; Pillow 13
    resizes heights first for some crops. `keras.layers.RandomCrop` neither scales nor stretches.

    Args:
        size: Height and width of the output in pixels, at least 1; set by a recipe to its `train_size`.
        scale: Smallest and largest area as fractions of the image, within (0, 1].
        aspect: Smallest and largest ratio of width to height, greater than 0; its logarithm is
            drawn uniformly.
        interpolation: "bilinear", "bicubic", or "random" for one of the two with equal probability.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> image = np.zeros((40, 30, 3), np.uint8)
        >>> RandomResizedCrop(size=16)(image, np.random.default_rng(0)).shape
        (16, 16, 3)

    References:
        Szegedy et al., "Going deeper with convolutions", section 6; timm `data/transforms.py`,
        RandomResizedCropAndInterpolation.
    """

    prefix: ClassVar[str] = "crop"
    uniforms: ClassVar[int] = 2 * TRIES + 3

    size: int | None = number(
        None, "height and width of the output, pixels", minimum=1, from_recipe=True
    )
    scale: tuple[float, float] = number(
        (0.08, 1.0),
        "random resized crop: fraction of the image's area",
        above=0,
        maximum=1,
        rising=True,
    )
    aspect: tuple[float, float] = number(
        (3 / 4, 4 / 3), "random resized crop: width / height", above=0, rising=True
    )
    interpolation: str = number(
        "random", "resampling of the crop (random: a fair coin per image)", choices=INTERPOLATIONS
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `area` and `aspect`, floating point [n, 10], `position`, [n, 2], and `cubic`, bool [n]."""
        return {
            "area": between(uniform[:, :TRIES], *self.scale),
            "aspect": log_between(ops, uniform[:, TRIES : 2 * TRIES], *self.aspect),
            "position": uniform[:, 2 * TRIES : 2 * TRIES + 2],
            "cubic": cubic(ops, uniform[:, 2 * TRIES + 2], self.interpolation),
        }

    def box(self, height: int, width: int, drawn: Row) -> tuple[int, int, int, int]:
        """Returns the box that is cropped; only its pixels need to be decoded.

        Args:
            height: Height of the image.
            width: Width of the image.
            drawn: The parameters of the image, one row of the arrays returned by `draw`.

        Returns:
            Top, left, height and width.

        Example:
            >>> crop = RandomResizedCrop(size=16, scale=(1.0, 1.0), aspect=(1.0, 1.0))
            >>> drawn = {name: rows[0] for name, rows in crop.draw(np.random.default_rng(0), 1).items()}
            >>> crop.box(10, 40, drawn)
            (0, 15, 10, 10)
        """
        return kernels.boxes.first_that_fits(
            drawn["area"], drawn["aspect"], drawn["position"], height, width, *self.aspect
        )

    def cut(
        self, pixels: np.ndarray, corner: tuple[int, int], shape: tuple[int, int], drawn: Row
    ) -> np.ndarray:
        """Resizes the box to the square; see `Crop.cut`."""
        check_sized(self)
        _, _, height, width = self.box(*shape, drawn)
        box = (*corner, height, width)
        return kernels.resize.resize(pixels, box, (self.size, self.size), bool(drawn["cubic"]))

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the crop's area as a percentage of the image, and the interpolation.

        Example:
            >>> crop = RandomResizedCrop(size=16, scale=(1.0, 1.0), aspect=(1.0, 1.0))
            >>> drawn = {name: rows[0] for name, rows in crop.draw(np.random.default_rng(0), 1).items()}
            >>> crop.describe(drawn | {"cubic": True}, 16, 32)
            '50 %, bicubic'
        """
        _, _, rows, columns = self.box(height, width, drawn)
        kind = "bicubic" if drawn["cubic"] else "bilinear"
        return f"{100 * rows * columns / (height * width):.0f} %, {kind}"


@dataclass(frozen=True)
class CenterCrop:
    """Resizes the shorter edge to a little more than `size`, and crops the center.

    This is the preprocessing for evaluation; nothing is random. The shorter edge becomes
    floor(size / crop_ratio), the longer one is truncated to an integer, and the corner is rounded half
    to even. `keras.layers.CenterCrop` does not resize unless the image is too small.

    Args:
        size: Height and width of the output in pixels, at least 1.
        crop_ratio: Ratio of `size` to the shorter edge, within (0, 1].
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> CenterCrop(size=16)(np.zeros((40, 30, 3), np.uint8)).shape
        (16, 16, 3)

    References:
        timm `data/transforms_factory.py`, transforms_imagenet_eval.
    """

    size: int
    crop_ratio: float = 0.95
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        if not (isinstance(self.size, int) and self.size >= 1):
            raise ValueError(
                f"`size` must be an integer of at least 1. Received: size={self.size!r}"
            )
        if not 0 < self.crop_ratio <= 1:
            raise ValueError(
                f"`crop_ratio` must be within (0, 1]. Received: crop_ratio={self.crop_ratio!r}"
            )
        check_interpolation(self.interpolation)

    @property
    def shorter_edge(self) -> int:
        """Length in pixels to which the shorter edge is resized.

        Example:
            >>> CenterCrop(size=224, crop_ratio=0.95).shorter_edge
            235
        """
        return math.floor(self.size / self.crop_ratio)

    def box(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Returns the part of an image that is cropped: top, left, height and width in pixels of the image.

        Example:
            >>> CenterCrop(size=16, crop_ratio=0.5).box(64, 128)
            (16.0, 48.0, 32.0, 32.0)
        """
        (rows, columns), (top, left) = self._resized(height, width)
        down, right = height / rows, width / columns
        return top * down, left * right, self.size * down, self.size * right

    def _resized(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns the shape of a resized image, and the corner of the square in it."""
        shorter = min(height, width)
        shape = (self.shorter_edge * height // shorter, self.shorter_edge * width // shorter)
        # Python rounds half to even. An odd square may begin before an image of its own size.
        return shape, (round((shape[0] - self.size) / 2), round((shape[1] - self.size) / 2))

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """Resizes and crops packed pixels, computing only the pixels of the square."""
        shape, corner = self._resized(*pixels.shape)
        window = (*corner, self.size, self.size)
        cubic = self.interpolation == "bicubic"
        return kernels.resize.resize(pixels, (0, 0, *pixels.shape), shape, cubic, window)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Resizes and crops one image.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.

        Returns:
            uint8 [size, size, 3].
        """
        return kernels.packing.unpack(self.cut(kernels.packing.pack(image)))


def check_interpolation(interpolation: str) -> None:
    """Raises a ValueError unless `interpolation` is the name of a filter."""
    if interpolation not in INTERPOLATIONS[1:]:
        raise ValueError(
            f"`interpolation` must be 'bilinear' or 'bicubic'. Received: interpolation={interpolation!r}"
        )


def check_sized(crop: Crop) -> None:
    """Raises a ValueError if the size of a crop is not set."""
    if crop.size is None:
        raise ValueError(
            f"`size` of {type(crop).__name__} must be set, because no recipe sets it. Received: size=None"
        )
