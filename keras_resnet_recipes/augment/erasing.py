"""Painting over a part of an image: always a square, or by chance a rectangle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import Augmentation, split_seed
from keras_resnet_recipes.formulas import TENSORFLOW, boxes
from keras_resnet_recipes.number import number


class Cutout(Augmentation):
    """Paint over a square that lies wholly inside the image, all places equally likely.

    DeVries and Taylor let the square reach beyond the edges; Page's, which this is, does not.

    Args:
        size: Height and width in pixels, at least 1 and at most those of the image.
        fill: A number or one for each channel, in the units of the image. The original paints 0
            after normalisation, which on bytes is the mean of the data set, rounded.

    Raises:
        ValueError: If an argument is out of its range; when applied, if the image is too small.

    Source: DeVries and Taylor, 'Cutout' (arXiv 1708.04552); cifar10-fast `core.py`.

    >>> Cutout(size=1, fill=7)(tf.zeros([1, 1, 3], tf.uint8), seed=(0, 1)).numpy().tolist()
    [[[7, 7, 7]]]
    """

    prefix: ClassVar[str] = "cutout"
    on_device: ClassVar[bool] = True

    size: int = number(8, "side of the square that is painted over, pixels", minimum=1)
    fill: float | tuple[float, float, float] = number(
        0.0, "what it is painted with, 0 to 255", minimum=0, maximum=255
    )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `place`, float64 [n, 2]: top and left as fractions of the places there are.

        >>> Cutout().draw(256, seed=(0, 1))["place"].shape
        TensorShape([256, 2])
        """
        seed = tf.cast(seed, tf.int64)
        return {"place": tf.random.stateless_uniform([n, 2], seed, dtype=tf.float64)}

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Paint over the square.

        Args:
            image: [height, width, channels], any type; integers are taken as bytes.
            drawn: One row of what `draw` returned.

        Returns:
            The same shape and type.

        >>> place = tf.constant([0.0, 0.99], tf.float64)
        >>> Cutout(size=1).apply(tf.ones([2, 2, 1]), {"place": place})[:, :, 0].numpy().tolist()
        [[1.0, 0.0], [1.0, 1.0]]
        """
        images = image[None]
        box = boxes.square(TENSORFLOW, images, self.size, drawn["place"][None])
        return boxes.fill(TENSORFLOW, images, box, self.fill)[0]

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """Where the square's corner is.

        >>> place = tf.constant([0.0, 0.99], tf.float64)
        >>> Cutout(size=1).describe({"place": place}, 2, 2)
        'at row 0, column 1'
        """
        images = tf.zeros([1, height, width, 1])
        top, left, *_ = boxes.square(TENSORFLOW, images, self.size, drawn["place"][None])[0].numpy()
        return f"at row {top}, column {left}"


class RandomErasing(Augmentation):
    """Paint over a rectangle inside the image with a given probability.

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
        fill: A number or one for each channel, in the units of the image.
        noise: Standard deviation about `fill`, drawn for each pixel and channel; likewise.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Zhong et al., 'Random erasing data augmentation' (arXiv 1708.04896); timm
    `data/random_erasing.py`.

    >>> RandomErasing(probability=0.25)(tf.zeros([32, 48, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 48, 3])
    """

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

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `erase`, bool [n]; `area`, float64 [n, 10]: fractions of the image; `aspect`, float64
            [n, 10]: height to width; `place`, float64 [n, 2]: top and left as fractions of the
            places there are; `noise`, int64 [n, 2]: seed of the noise.

        >>> sorted(RandomErasing().draw(256, seed=(0, 1)))
        ['area', 'aspect', 'erase', 'noise', 'place']
        """
        whether, area, aspect, place, noise = split_seed(seed, 5)
        logarithm = tf.random.stateless_uniform(
            [n, boxes.TRIES], aspect, *map(math.log, self.aspect), dtype=tf.float64
        )
        return {
            "erase": tf.random.stateless_uniform([n], whether) < self.probability,
            "area": tf.random.stateless_uniform(
                [n, boxes.TRIES], area, *self.area, dtype=tf.float64
            ),
            "aspect": tf.exp(logarithm),
            "place": tf.random.stateless_uniform([n, 2], place, dtype=tf.float64),
            "noise": tf.random.stateless_uniform([n, 2], noise, None, None, tf.int64),
        }

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Paint over the rectangle if so drawn.

        Args:
            image: [height, width, channels], any type; integers are taken as bytes.
            drawn: One row of what `draw` returned.

        Returns:
            The same shape and type.

        >>> erasing = RandomErasing(probability=1.0, area=(0.2, 0.3))
        >>> drawn = {name: row[0] for name, row in erasing.draw(1, seed=(0, 1)).items()}
        >>> bool(0.6 < tf.reduce_mean(erasing.apply(tf.ones([64, 64, 3]), drawn)) < 0.9)
        True
        """
        erased = tf.cond(drawn["erase"], lambda: self._erased(image, drawn), lambda: image)
        return tf.ensure_shape(erased, image.shape)

    def _erased(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        images = image[None]
        paint = tf.constant(self.fill, tf.float32)
        if self.noise:
            paint += self.noise * tf.random.stateless_normal(tf.shape(image), drawn["noise"])
        return boxes.fill(TENSORFLOW, images, _rectangle(images, drawn), paint)[0]

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """Share of the image that is painted over.

        >>> erasing = RandomErasing(probability=1.0, area=(0.25, 0.25), aspect=(1.0, 1.0))
        >>> drawn = {name: row[0] for name, row in erasing.draw(1, seed=(0, 1)).items()}
        >>> erasing.describe(drawn, 64, 64)
        '25 %'
        """
        if not drawn["erase"]:
            return ""
        top, left, bottom, right = _rectangle(tf.zeros([1, height, width, 1]), drawn)[0].numpy()
        share = (bottom - top) * (right - left) / (height * width)
        return f"{100 * share:.0f} %" if share else ""


def _rectangle(images: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
    """What `RandomErasing` paints over in an image, int32 [1, 4]; nothing where no try fits."""
    rows = [drawn[name][None] for name in ("area", "aspect", "place")]
    return boxes.first_that_fits(TENSORFLOW, images, *rows)
