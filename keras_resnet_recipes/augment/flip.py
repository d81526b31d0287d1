"""Mirroring an image left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import Augmentation
from keras_resnet_recipes.number import number


class RandomFlip(Augmentation):
    """Mirror an image left to right with a given probability.

    `keras.layers.RandomFlip` keeps a generator as state; here the seed is an argument.

    Args:
        probability: Of mirroring, 0..1.

    Raises:
        ValueError: If the probability is outside 0..1.

    Source: Krizhevsky et al., 'ImageNet classification with deep convolutional neural networks',
    section 4.1; timm `data/transforms_factory.py` (hflip 0.5).

    >>> image = tf.constant([[[1, 1, 1], [2, 2, 2]]], tf.uint8)
    >>> RandomFlip(probability=1.0)(image, seed=(0, 1))[0, :, 0].numpy().tolist()
    [2, 1]
    """

    prefix: ClassVar[str] = "flip"
    on_device: ClassVar[bool] = True

    probability: float = number(0.5, "probability of mirroring an image", minimum=0, maximum=1)

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `flip`, bool [n].

        >>> RandomFlip(probability=0.0).draw(3, seed=(0, 1))["flip"].numpy().tolist()
        [False, False, False]
        """
        return {"flip": tf.random.stateless_uniform([n], seed) < self.probability}

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Mirror the image if so drawn.

        Args:
            image: [height, width, channels], any type.
            drawn: One row of what `draw` returned.

        Returns:
            The same shape and type.

        >>> image = tf.constant([[[1], [2]]])
        >>> RandomFlip().apply(image, {"flip": tf.constant(True)})[0, :, 0].numpy().tolist()
        [2, 1]
        """
        flipped = tf.cond(drawn["flip"], lambda: tf.reverse(image, [1]), lambda: tf.identity(image))
        return tf.ensure_shape(flipped, image.shape)

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """Whether the image is mirrored.

        >>> RandomFlip().describe({"flip": tf.constant(True)}, 8, 8)
        'mirrored'
        """
        return "mirrored" if drawn["flip"] else ""
