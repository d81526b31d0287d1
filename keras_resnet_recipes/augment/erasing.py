"""Painting over a part of an image: always a square, or by chance a rectangle."""

import math
from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.augment.crop import TRIES
from keras_resnet_recipes.augment.variates import between, log_between
from keras_resnet_recipes.number import number


class Cutout(PackedAugmentation):
    """Paints over a square that lies wholly inside the image, all positions equally likely.

    DeVries and Taylor let the square reach beyond the edges; Page's, which this is, does not.

    Args:
        size: Height and width in pixels, at least 1 and at most those of the image.
        fill: A number or one per channel, in the units of the image. The original paints 0
            after normalisation, which on bytes is the mean of the data set, rounded.

    Raises:
        ValueError: If an argument is out of its range; when applied, if the image is too small.

    Source: DeVries and Taylor, 'Cutout' (arXiv 1708.04552); cifar10-fast `core.py`.

    >>> image = np.zeros((1, 1, 3), np.uint8)
    >>> Cutout(size=1, fill=7)(image, np.random.default_rng(0)).tolist()
    [[[7, 7, 7]]]
    """

    prefix: ClassVar[str] = "cutout"
    on_device: ClassVar[bool] = True
    uniforms: ClassVar[int] = 2

    size: int = number(8, "side of the square that is painted over, pixels", minimum=1)
    fill: float | tuple[float, float, float] = number(
        0.0, "what it is painted with, 0 to 255", minimum=0, maximum=255
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`place`, floating point [n, 2]: top and left as fractions of the positions there are."""
        return {"place": uniform}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Paints over the square of packed pixels.

        >>> image = np.ones((2, 2, 3), np.uint8)
        >>> Cutout(size=1).apply(image, {"place": (0.0, 0.99)})[:, :, 0].tolist()
        [[1, 0], [1, 1]]
        """
        top, left = self._corner(drawn, *pixels.shape)
        pixels[top : top + self.size, left : left + self.size] = kernels.boxes.packed_color(
            self.fill
        )
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Says where the square's corner is.

        >>> Cutout(size=1).describe({"place": (0.0, 0.99)}, 2, 2)
        'at row 0, column 1'
        """
        top, left = self._corner(drawn, height, width)
        return f"at row {top}, column {left}"

    def _corner(self, drawn: Row, height: int, width: int) -> tuple[int, int]:
        if min(height, width) < self.size:
            raise ValueError(
                f"`size` must be at most that of the image, {height} x {width}. Received: size={self.size}"
            )
        top, left = drawn["place"]
        return int(top * (height - self.size + 1)), int(left * (width - self.size + 1))


class RandomErasing(PackedAugmentation):
    """Paints over a rectangle inside the image with a given probability.

    Area and aspect ratio (height to width) are drawn up to ten times until the rectangle is smaller
    than the image in both directions; after that the image stays as it is.
    `keras.layers.RandomErasing` draws height and width apart and has no ratio.

    The original erases after normalisation: with 0 (torchvision's recipes: `fill=0.0`) or with
    normal noise (DeiT: `noise=1.0`). On pixels of 0..255 the same are the mean of the data set as
    `fill` and its standard deviation as `noise`; bytes are rounded and limited to 0..255, which
    cuts off the noise at about two standard deviations.

    Args:
        probability: Of erasing, 0..1.
        area: Smallest and largest area as fractions of the image, within (0, 1], drawn uniformly.
        aspect: Smallest and largest ratio, greater than 0; its logarithm is drawn uniformly.
        fill: A number or one per channel, in the units of the image.
        noise: Standard deviation about `fill`, drawn for each pixel and channel; likewise.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Zhong et al., 'Random erasing data augmentation' (arXiv 1708.04896); timm
    `data/random_erasing.py`.

    >>> image = np.zeros((32, 48, 3), np.uint8)
    >>> RandomErasing(probability=0.25)(image, np.random.default_rng(0)).shape
    (32, 48, 3)
    """

    uniforms: ClassVar[int] = 2 * TRIES + 4

    probability: float = number(
        0.25, "probability that a rectangle of an image is erased", minimum=0, maximum=1
    )
    area: tuple[float, float] = number(
        (0.02, 0.33), "part of the image's area", above=0, maximum=1, rising=True
    )
    aspect: tuple[float, float] = number((0.3, 3.3), "height / width", above=0, rising=True)
    fill: float | tuple[float, float, float] = number(0.0, "what it is filled with, 0 to 255")
    noise: float | tuple[float, float, float] = number(
        0.0, "standard deviation of normal noise around that", minimum=0
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`erase`, bool [n], `area` and `aspect`, floating point [n, 10], `place`, [n, 2], `noise`, [n]."""
        area, aspect = uniform[:, 1 : 1 + TRIES], uniform[:, 1 + TRIES : 1 + 2 * TRIES]
        return {
            "erase": uniform[:, 0] < self.probability,
            "area": between(area, *self.area),
            "aspect": log_between(ops, aspect, *self.aspect),
            "place": uniform[:, 1 + 2 * TRIES : 3 + 2 * TRIES],
            "noise": uniform[:, 3 + 2 * TRIES],
        }

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Paints over the rectangle of packed pixels if so drawn."""
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
        """Says which part of the image is painted over.

        >>> erasing = RandomErasing(probability=1.0, area=(0.25, 0.25), aspect=(1.0, 1.0))
        >>> drawn = {name: rows[0] for name, rows in erasing.draw(np.random.default_rng(0), 1).items()}
        >>> erasing.describe(drawn, 64, 64)
        '25 %'
        """
        _, _, rows, columns = self._rectangle(drawn, height, width)
        return f"{100 * rows * columns / (height * width):.0f} %" if rows else ""

    def _rectangle(self, drawn: Row, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, height and width of what is painted over; nothing where no try fits."""
        if not drawn["erase"]:
            return 0, 0, 0, 0
        for area, aspect in zip(drawn["area"] * (height * width), drawn["aspect"], strict=True):
            rows, columns = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if rows < height and columns < width:
                top, left = drawn["place"]
                return (
                    int(top * (height - rows + 1)),
                    int(left * (width - columns + 1)),
                    rows,
                    columns,
                )
        return 0, 0, 0, 0
