"""Cutting an image to the size of the network: at random for training, in the middle for testing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import (
    INTERPOLATIONS,
    Augmentation,
    check_interpolation,
    check_sized,
    draw_cubic,
    split_seed,
)
from keras_resnet_recipes.augment.resize import resize
from keras_resnet_recipes.number import number

_TRIES = 10


class RandomResizedCrop(Augmentation):
    """Cut out a random part of an image and resize it to a square.

    Area and aspect ratio (width to height) are drawn up to ten times until the part fits into the
    image; after that it is the largest part in the middle with a legal aspect ratio. Pixels outside
    the part never contribute. `keras.layers.RandomCrop` neither scales nor stretches.

    Args:
        size: Height and width of the result in pixels, at least 1; a recipe gives its `train_size`.
        scale: Smallest and largest area as fractions of the image, within (0, 1].
        aspect: Smallest and largest ratio of width to height, greater than 0; its logarithm is
            drawn uniformly.
        interpolation: "bilinear", "bicubic", or "random" for a fair coin.
        exact: Whether every byte is Pillow's, see `resize`.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Szegedy et al., 'Going deeper with convolutions', section 6; timm
    `data/transforms.py`, RandomResizedCropAndInterpolation.

    >>> RandomResizedCrop(size=16)(tf.zeros([40, 30, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([16, 16, 3])
    """

    prefix: ClassVar[str] = "crop"
    crops: ClassVar[bool] = True

    size: int | None = number(None, "side of the result, pixels", minimum=1, from_recipe=True)
    scale: tuple[float, float] = number(
        (0.08, 1.0),
        "random resized crop: part of the image's area",
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
    exact: bool = number(
        False, "resize to Pillow's bytes; off is faster, and 0.4 % of them differ by 1"
    )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `area`, float64 [n, 10]: fractions of the image; `aspect`, float64 [n, 10]: width to
            height; `place`, float64 [n, 2]: top and left as fractions of the room there is;
            `cubic`, bool [n].

        >>> sorted(RandomResizedCrop(size=16).draw(256, seed=(0, 1)))
        ['area', 'aspect', 'cubic', 'place']
        """
        check_sized(self)
        area, aspect, place, cubic = split_seed(seed, 4)
        logarithm = tf.random.stateless_uniform(
            [n, _TRIES], aspect, *map(math.log, self.aspect), dtype=tf.float64
        )
        return {
            "area": tf.random.stateless_uniform([n, _TRIES], area, *self.scale, dtype=tf.float64),
            "aspect": tf.exp(logarithm),
            "place": tf.random.stateless_uniform([n, 2], place, dtype=tf.float64),
            "cubic": draw_cubic(self.interpolation, [n], cubic),
        }

    def box(
        self, height: tf.Tensor | int, width: tf.Tensor | int, drawn: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        """The part of an image that is cut out; a decoder that can crop needs no more.

        Args:
            height: Height of the image.
            width: Width of the image.
            drawn: One row of what `draw` returned.

        Returns:
            Top, left, height and width, int32 [4].

        >>> crop = RandomResizedCrop(size=16, scale=(1.0, 1.0), aspect=(1.0, 1.0))
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> crop.box(10, 40, drawn).numpy().tolist()
        [0, 15, 10, 10]
        """
        height, width = tf.cast(height, tf.float64), tf.cast(width, tf.float64)
        area = drawn["area"] * (width * height)
        widths = tf.round(tf.sqrt(area * drawn["aspect"]))
        heights = tf.round(tf.sqrt(area / drawn["aspect"]))
        fits = (widths <= width) & (heights <= height) & (widths >= 1) & (heights >= 1)
        first = tf.argmax(tf.cast(fits, tf.int32))
        narrowest, widest = self.aspect
        fallback = tf.stack(
            [
                tf.minimum(height, tf.round(width / narrowest)),
                tf.minimum(width, tf.round(height * widest)),
            ]
        )
        found = tf.reduce_any(fits)
        part = tf.where(found, tf.stack([heights[first], widths[first]]), fallback)
        room = tf.stack([height, width]) - part
        corner = tf.where(found, tf.floor(drawn["place"] * (room + 1)), tf.floor(room / 2))
        return tf.cast(tf.concat([corner, part], 0), tf.int32)

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Cut and resize one image.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [size, size, 3].

        >>> crop = RandomResizedCrop(size=16)
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> crop.apply(tf.zeros([40, 30, 3], tf.uint8), drawn).shape
        TensorShape([16, 16, 3])
        """
        shape = tf.shape(image)
        top, left, height, width = tf.unstack(self.box(shape[0], shape[1], drawn))
        return self.resize(image[top : top + height, left : left + width], drawn)

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """Share of the image's area, and how it is resized.

        >>> crop = RandomResizedCrop(size=16, scale=(1.0, 1.0), aspect=(1.0, 1.0))
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> crop.describe(drawn, 16, 32)
        '50 %, bicubic'
        """
        _, _, rows, columns = self.box(height, width, drawn).numpy()
        kind = "bicubic" if drawn["cubic"] else "bilinear"
        return f"{100 * rows * columns / (height * width):.0f} %, {kind}"

    def resize(self, part: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Resize what has been cut out already, by a decoder for example.

        Args:
            part: uint8 [height, width, 3], the pixels inside `box`.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [size, size, 3].

        >>> crop = RandomResizedCrop(size=16)
        >>> drawn = {name: row[0] for name, row in crop.draw(1, seed=(0, 1)).items()}
        >>> crop.resize(tf.zeros([20, 18, 3], tf.uint8), drawn).shape
        TensorShape([16, 16, 3])
        """
        return resize(part, self.size, self.size, drawn["cubic"], self.exact)


@dataclass(frozen=True)
class CenterCrop:
    """Resize the shorter edge to a little more than the size wanted, and cut out the middle.

    This is how images are prepared for evaluation; nothing is random. The shorter edge becomes
    floor(size / crop_ratio), the longer one is cut to a whole number, the corner is rounded half to
    even. `keras.layers.CenterCrop` does not resize unless the image is too small.

    Args:
        size: Height and width of the result in pixels, at least 1.
        crop_ratio: Size to shorter edge, within (0, 1].
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: If an argument is out of its range.

    Source: timm `data/transforms_factory.py`, transforms_imagenet_eval.

    >>> CenterCrop(size=16)(tf.zeros([40, 30, 3], tf.uint8)).shape
    TensorShape([16, 16, 3])
    """

    size: int
    crop_ratio: float = 0.95
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        _check_size(self.size)
        if not 0 < self.crop_ratio <= 1:
            raise ValueError(f"crop_ratio must be within (0, 1], got {self.crop_ratio!r}")
        check_interpolation(self.interpolation, ("bilinear", "bicubic"))

    @property
    def shorter_edge(self) -> int:
        """Length in pixels to which the shorter edge is resized.

        >>> CenterCrop(size=224, crop_ratio=0.95).shorter_edge
        235
        """
        return math.floor(self.size / self.crop_ratio)

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Resize and cut one image.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.

        Returns:
            uint8 [size, size, 3].
        """
        shape = tf.shape(image)[:2]
        shape = self.shorter_edge * shape // tf.reduce_min(shape)
        resized = resize(image, shape[0], shape[1], self.interpolation == "bicubic")
        corner = tf.cast(tf.round((shape - self.size) / 2), tf.int32)
        cut = resized[corner[0] : corner[0] + self.size, corner[1] : corner[1] + self.size]
        return tf.ensure_shape(cut, [self.size, self.size, 3])


def _check_size(size: int) -> None:
    if not (isinstance(size, int) and size >= 1):
        raise ValueError(f"size must be an int of at least 1, got {size!r}")
