"""Moving an image by a few pixels: enlarge it at all sides, cut out its first size anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import Augmentation
from keras_resnet_recipes.formulas import TENSORFLOW, boxes
from keras_resnet_recipes.number import number


class PadAndCrop(Augmentation):
    """Enlarge an image at all sides, then cut out a part of its first size, all equally likely.

    `keras.layers.RandomCrop` does not enlarge and takes the same part of all images of a batch.

    Args:
        padding: Pixels added at each side, at least 1 and less than the image has.
        fill: What they show, in the units of the image: a number or one for each channel. None
            continues the image as its mirror image, without repeating the edge.

    Raises:
        ValueError: If an argument is out of its range; when applied, if the image is too small.

    Source: He et al. (arXiv 1512.03385), section 4.2, which adds 4 pixels of zero after
    subtracting the mean; cifar10-fast `core.py`, which adds the mirror image.

    >>> PadAndCrop(padding=4)(tf.zeros([32, 32, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 32, 3])
    """

    prefix: ClassVar[str] = "pad"
    on_device: ClassVar[bool] = True

    padding: int = number(
        4, "pixels padded at each side before a crop of the first size", minimum=1
    )
    fill: float | tuple[float, float, float] | None = number(
        None, "what is padded, 0 to 255", minimum=0, maximum=255, none="mirror image"
    )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `corner`, int32 [n, 2]: top and left in the enlarged image.

        >>> PadAndCrop().draw(256, seed=(0, 1))["corner"].shape
        TensorShape([256, 2])
        """
        places = 2 * self.padding + 1
        seed = tf.cast(seed, tf.int64)
        return {"corner": tf.random.stateless_uniform([n, 2], seed, 0, places, tf.int32)}

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Enlarge and cut one image.

        Args:
            image: [height, width, channels], any type.
            drawn: One row of what `draw` returned.

        Returns:
            The same shape and type.

        >>> image = tf.constant([[[1], [2], [3]]] * 3)
        >>> moved = PadAndCrop(padding=2).apply(image, {"corner": tf.constant([2, 0])})
        >>> moved[0, :, 0].numpy().tolist()
        [3, 2, 1]
        """
        images, corners = image[None], drawn["corner"][None]
        return boxes.padded_crop(TENSORFLOW, images, corners, self.padding, self.fill)[0]

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """By how many pixels the image moves.

        >>> PadAndCrop(padding=2).describe({"corner": tf.constant([2, 0])}, 8, 8)
        '2 right'
        """
        down, right = (self.padding - int(first) for first in drawn["corner"])
        return boxes.moved_text(down, right)
