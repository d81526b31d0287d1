"""Erasing a part of an image: Cutout and random erasing."""

import math
from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.augment.crop import TRIES
from keras_resnet_recipes.augment.variates import between, log_between
from keras_resnet_recipes.number import number


class Cutout(PackedAugmentation):
    """Fills a square that lies entirely inside the image; all positions are equally likely.

    In DeVries and Taylor the square may extend beyond the edges; here, as in Page's code, it does not.

    Args:
        size: Height and width of the square in pixels, at least 1 and at most those of the image.
        fill: A number or one per channel, in the units of the image. The original fills with 0 after
            normalization, which in bytes is the rounded mean of the data set.

    Raises:
        ValueError: If an argument is out of range; when applied, if the image is too small.

    Example:
        >>> image = np.zeros((1, 1, 3), np.uint8)
        >>> Cutout(size=1, fill=7)(image, np.random.default_rng(0)).tolist()
        [[[7, 7, 7]]]

    References:
        DeVries and Taylor, "Cutout" (arXiv:1708.04552); cifar10-fast `core.py`.
    """

    prefix: ClassVar[str] = "cutout"
    on_device: ClassVar[bool] = True
    uniforms: ClassVar[int] = 2

    size: int = number(8, "height and width of the filled square, pixels", minimum=1)
    fill: float | tuple[float, float, float] = number(
        0.0, "color of the square, 0 to 255", minimum=0, maximum=255
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `position`, floating point [n, 2]: top and left as fractions of the possible positions."""
        return {"position": uniform}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Fills the square of packed pixels.

        Example:
            >>> image = np.ones((2, 2, 3), np.uint8)
            >>> Cutout(size=1).apply(image, {"position": (0.0, 0.99)})[:, :, 0].tolist()
            [[1, 0], [1, 1]]
        """
        top, left = self._corner(drawn, *pixels.shape)
        pixels[top : top + self.size, left : left + self.size] = kernels.boxes.packed_color(
            self.fill
        )
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the position of the square's corner.

        Example:
            >>> Cutout(size=1).describe({"position": (0.0, 0.99)}, 2, 2)
            'at row 0, column 1'
        """
        top, left = self._corner(drawn, height, width)
        return f"at row {top}, column {left}"

    def _corner(self, drawn: Row, height: int, width: int) -> tuple[int, int]:
        if min(height, width) < self.size:
            raise ValueError(
                f"`size` must be at most that of the image, {height} x {width}. Received: size={self.size}"
            )
        top, left = drawn["position"]
        return int(top * (height - self.size + 1)), int(left * (width - self.size + 1))


class RandomErasing(PackedAugmentation):
    """Erases a rectangle inside the image with a given probability.

    Area and aspect ratio (height to width) are drawn up to ten times until the rectangle is smaller
    than the image in both directions; if none is, the image is returned unchanged.
    `keras.layers.RandomErasing` draws height and width separately, without an aspect ratio.

    The original erases after normalization: with 0 (torchvision's recipes: `fill=0.0`) or with
    normal noise (DeiT: `noise=1.0`). For pixels of 0..255 the equivalents are the mean of the data set
    as `fill` and its standard deviation as `noise`; bytes are rounded and clipped to 0..255, which
    truncates the noise at about two standard deviations.

    The default ranges are timm's; torchvision's are `area=(0.02, 0.33)` and `aspect=(0.3, 3.3)`.

    Args:
        probability: Probability of erasing, 0..1.
        area: Smallest and largest area as fractions of the image, within (0, 1], drawn uniformly.
        aspect: Smallest and largest ratio, greater than 0; its logarithm is drawn uniformly.
        fill: A number or one per channel, in the units of the image.
        noise: Standard deviation of normal noise added to `fill`, a number or one per channel; drawn
            per pixel and channel.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> image = np.zeros((32, 48, 3), np.uint8)
        >>> RandomErasing(probability=0.25)(image, np.random.default_rng(0)).shape
        (32, 48, 3)

    References:
        Zhong et al., "Random erasing data augmentation" (arXiv:1708.04896); timm
        `data/random_erasing.py`.
    """

    uniforms: ClassVar[int] = 2 * TRIES + 4

    probability: float = number(
        0.25, "probability that a rectangle of an image is erased", minimum=0, maximum=1
    )
    area: tuple[float, float] = number(
        (0.02, 1 / 3), "fraction of the image's area", above=0, maximum=1, rising=True
    )
    aspect: tuple[float, float] = number((0.3, 1 / 0.3), "height / width", above=0, rising=True)
    fill: float | tuple[float, float, float] = number(0.0, "color of the rectangle, 0 to 255")
    noise: float | tuple[float, float, float] = number(
        0.0, "standard deviation of normal noise added to the color", minimum=0
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns the augmentation parameters.

        `erase`, bool [n], `area` and `aspect`, floating point [n, 10], `position`, [n, 2], and `noise`,
        [n], the seed of the noise.
        """
        area, aspect = uniform[:, 1 : 1 + TRIES], uniform[:, 1 + TRIES : 1 + 2 * TRIES]
        return {
            "erase": uniform[:, 0] < self.probability,
            "area": between(area, *self.area),
            "aspect": log_between(ops, aspect, *self.aspect),
            "position": uniform[:, 1 + 2 * TRIES : 3 + 2 * TRIES],
            "noise": uniform[:, 3 + 2 * TRIES],
        }

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Erases the rectangle of packed pixels, if one was drawn."""
        top, left, height, width = self._rectangle(drawn, *pixels.shape)
        part = pixels[top : top + height, left : left + width]
        if not self.noise:
            part[:] = kernels.boxes.packed_color(self.fill)
        elif part.size:
            rng = np.random.default_rng(int(drawn["noise"] * 2**53))
            noise = rng.standard_normal((height, width, 3), np.float32)
            levels = np.float32(self.fill) + np.float32(self.noise) * noise
            part[:] = kernels.packing.pack(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the erased area as a percentage of the image.

        Example:
            >>> erasing = RandomErasing(probability=1.0, area=(0.25, 0.25), aspect=(1.0, 1.0))
            >>> drawn = {name: rows[0] for name, rows in erasing.draw(np.random.default_rng(0), 1).items()}
            >>> erasing.describe(drawn, 64, 64)
            '25 %'
        """
        _, _, rows, columns = self._rectangle(drawn, height, width)
        return f"{100 * rows * columns / (height * width):.0f} %" if rows else ""

    def _rectangle(self, drawn: Row, height: int, width: int) -> tuple[int, int, int, int]:
        """Returns top, left, height and width of the rectangle; all are 0 if none fits."""
        if not drawn["erase"]:
            return 0, 0, 0, 0
        for area, aspect in zip(drawn["area"] * (height * width), drawn["aspect"], strict=True):
            rows, columns = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if rows < height and columns < width:
                top, left = drawn["position"]
                return (
                    int(top * (height - rows + 1)),
                    int(left * (width - columns + 1)),
                    rows,
                    columns,
                )
        return 0, 0, 0, 0
