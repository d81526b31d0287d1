"""What all augmentations of one image have in common."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Self

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.part import Part


class Augmentation(Part, abc.ABC, abstract=True):
    """A random change of one image, in two steps: draw its parameters, then apply them.

    A pipeline draws for many images in one go, which is much faster than image by image, and
    applies one row to each image. Everyone else calls the augmentation itself. Augmentations are
    frozen values without any state: the seed alone decides what is drawn.

    A subclass is a value of a recipe like those of this package: it is printed, compared, written to
    JSON and resumed. Its annotated fields are its numbers.

    >>> class RandomGray(Augmentation):
    ...     probability: float = 0.1
    ...     def draw(self, n, seed):
    ...         return {"gray": tf.random.stateless_uniform([n], seed) < self.probability}
    ...     def apply(self, image, drawn):
    ...         gray = tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))
    ...         return tf.where(drawn["gray"], gray, image)
    >>> import keras_resnet_recipes as krr
    >>> recipe = krr.A3(augmentation=(*krr.A3().augmentation, RandomGray(probability=0.2)))
    >>> recipe.random_gray_probability
    0.2
    """

    crops: ClassVar[bool] = False
    """Whether it turns an image of any size into a square of its `size`, which comes first."""

    on_device: ClassVar[bool] = False
    """Whether `data_on_device=True` can do it, to all images of a batch at once."""

    def sized(self, size: int) -> Self:
        """The augmentation for images of a size in pixels, where it has to know it."""
        names = {field.name for field in dataclasses.fields(self)}
        return dataclasses.replace(self, size=size) if self.crops and "size" in names else self

    @abc.abstractmethod
    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            Tensors of shape [n, ...] by name.
        """

    @abc.abstractmethod
    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Apply one row of what `draw` returned to one image.

        Args:
            image: uint8 [height, width, 3], RGB.
            drawn: Tensors of shape [...] by name.

        Returns:
            uint8 [height, width, 3].
        """

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """What was drawn for one image, in a few words for a reader; nothing where nothing changes.

        Args:
            drawn: One row of what `draw` returned, outside of any graph.
            height: Height of the image.
            width: Width of the image.

        Returns:
            A line for each operation.
        """
        return ""

    def __call__(self, image: tf.Tensor, seed: tf.Tensor | Sequence[int]) -> tf.Tensor:
        """Draw for one image and apply.

        Args:
            image: uint8 [height, width, 3], RGB.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            uint8 [height, width, 3].
        """
        rows = self.draw(1, seed)
        image = tf.convert_to_tensor(image)
        return self.apply(image, {name: row[0] for name, row in rows.items()})


INTERPOLATIONS = ("random", "bilinear", "bicubic")


def check_interpolation(interpolation: str, legal: Sequence[str] = INTERPOLATIONS) -> None:
    """Raise a ValueError unless the interpolation is one of the legal ones."""
    if interpolation not in legal:
        raise ValueError(f"interpolation must be one of {tuple(legal)}, got {interpolation!r}")


def check_sized(crop: Augmentation) -> None:
    """Raise a ValueError unless a crop knows its size, which a recipe gives it."""
    if crop.size is None:
        raise ValueError(
            f"`size` of {type(crop).__name__} must be given where no recipe does. Received: size=None"
        )


def operation_text(name: str, argument: tf.Tensor) -> str:
    """An operation and what it is called with, where it is called with anything.

    >>> operation_text("rotate", tf.constant(-21.0)), operation_text("invert", tf.constant(0.0))
    ('rotate -21', 'invert')
    """
    alone = name in ("identity", "auto_contrast", "equalize", "invert")
    return name if alone else f"{name} {float(argument):.3g}"


def split_seed(seed: tf.Tensor | Sequence[int], n: int) -> list[tf.Tensor]:
    """Independent seeds for `n` quantities, the same ones whether the seed is int32 or int64."""
    return tf.unstack(tf.random.split(tf.cast(seed, tf.int64), n))


def draw_cubic(
    interpolation: str, shape: Sequence[int], seed: tf.Tensor | Sequence[int]
) -> tf.Tensor:
    """Whether to interpolate bicubically: bool of the shape given, a fair coin for "random"."""
    if interpolation == "random":
        return tf.random.stateless_uniform(shape, seed) < 0.5
    return tf.fill(shape, interpolation == "bicubic")
