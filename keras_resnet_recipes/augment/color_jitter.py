"""Random changes of brightness, contrast, saturation and hue, in random order."""

from __future__ import annotations

from collections.abc import Sequence

from keras_resnet_recipes.augment import color
from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment.augmentation import Augmentation, operation_text, split_seed
from keras_resnet_recipes.augment.choice import choose
from keras_resnet_recipes.augment.hue import hue
from keras_resnet_recipes.number import number

OPERATIONS = ("brightness", "contrast", "saturation", "hue")
"""The order of torchvision's; a drawn number counts in it."""


class ColorJitter(Augmentation):
    """Change brightness, contrast, saturation and hue by random amounts, in random order.

    A strength of x draws a factor uniformly from max(0, 1 - x) to 1 + x; 0 leaves the operation
    out. Each operation gives the bytes of Pillow, which are whole numbers of 0..255 after each.

    What the sources do:

    - torchvision, and timm through it: this, `ColorJitter(0.4, 0.4, 0.4)`.
    - fb.resnet.torch: `ColorJitter(0.4, 0.4, 0.4)`, but on floating point numbers, which are
      neither rounded nor limited, with the same grey.
    - GluonCV's script for 'Bag of tricks': strengths of 0.4 for the same three, no hue.
    - The text of 'Bag of tricks' (arXiv 1812.01187) scales hue, saturation and brightness by
      factors of 0.6..1.4, and does not say what scaling a hue is; the authors' code has none.

    `keras.layers.RandomColorJitter` adds to the brightness, and works in floating point.

    Args:
        brightness: Strength, at least 0.
        contrast: Strength, at least 0.
        saturation: Strength, at least 0.
        hue: Largest fraction of a turn around the colour circle in either direction, 0..0.5.

    Raises:
        ValueError: If an argument is out of its range.

    Source: torchvision `transforms/transforms.py`, ColorJitter; fb.resnet.torch
    `datasets/transforms.lua`.

    >>> ColorJitter(0.4, 0.4, 0.4)(tf.zeros([32, 48, 3], tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 48, 3])
    """

    brightness: float = number(0.0, "colour jitter: 0.4 is a factor of 0.6 to 1.4", minimum=0)
    contrast: float = number(0.0, "colour jitter: likewise for the contrast", minimum=0)
    saturation: float = number(0.0, "colour jitter: likewise for the saturation", minimum=0)
    hue: float = number(0.0, "colour jitter: largest shift, in turns", minimum=0, maximum=0.5)

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `order`, int32 [n, operations]: places in `OPERATIONS` of those whose strength is not 0;
            `argument`, float64 [n, 4]: the factors of brightness, contrast and saturation and the
            shift of the hue.

        >>> ColorJitter(brightness=0.4, hue=0.1).draw(256, seed=(0, 1))["order"].shape
        TensorShape([256, 2])
        """
        order, argument = split_seed(seed, 2)
        strengths = [getattr(self, name) for name in OPERATIONS]
        used = [place for place, strength in enumerate(strengths) if strength]
        # Ranks of independent numbers: every order is equally likely.
        ranks = tf.argsort(tf.random.stateless_uniform([n, len(used)], order, dtype=tf.float64))
        low = tf.constant([*(max(0.0, 1 - x) for x in strengths[:3]), -self.hue], tf.float64)
        high = tf.constant([*(1.0 + x for x in strengths[:3]), self.hue], tf.float64)
        uniform = tf.random.stateless_uniform([n, len(OPERATIONS)], argument, dtype=tf.float64)
        return {
            "order": tf.gather(tf.constant(used, tf.int32), ranks),
            "argument": low + uniform * (high - low),
        }

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Do the operations in the order drawn.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [height, width, 3].

        >>> arguments = tf.constant([2.0, 1.0, 1.0, 0.0], tf.float64)
        >>> drawn = {"order": tf.constant([0]), "argument": arguments}
        >>> image = tf.constant([[[1, 2, 200]]], tf.uint8)
        >>> ColorJitter(brightness=1.0).apply(image, drawn)[0, 0].numpy().tolist()
        [2, 4, 255]
        """
        operations = (color.brightness, color.contrast, color.color, hue)
        for turn in range(drawn["order"].shape[0]):
            which = drawn["order"][turn]
            image = choose(operations, which, image, drawn["argument"][which])
        return image

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """The operations in the order drawn: factors, and the hue's shift in turns.

        >>> drawn = {"order": tf.constant([1, 0]), "argument": tf.constant([0.7, 1.2, 1.0, 0.0])}
        >>> ColorJitter(0.4, 0.4).describe(drawn, 8, 8).splitlines()
        ['contrast 1.2', 'brightness 0.7']
        """
        places = drawn["order"].numpy()
        return "\n".join(
            operation_text(OPERATIONS[place], drawn["argument"][place]) for place in places
        )
