"""`Augmentation`: the base class of the random changes of one image."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.part import Part

Row = Mapping[str, Any]
"""What is drawn for one image, by name."""


class Augmentation(Part, abstract=True):
    """A random change of one image, in two steps: draw its parameters, then apply them.

    A pipeline draws for a whole batch at once, which is much faster than image by image, and applies
    one row to each image. Everyone else calls the augmentation itself. Augmentations are frozen values
    without state: the generator alone decides what is drawn.

    A subclass is a value of a recipe like those of this package: it is printed, compared, written to
    JSON and resumed. Its annotated fields are its numbers.

    >>> class RandomGrey(Augmentation):
    ...     probability: float = 0.1
    ...     def draw(self, rng, n):
    ...         return {"grey": rng.random(n) < self.probability}
    ...     def apply(self, image, drawn):
    ...         grey = image.mean(axis=2, keepdims=True).astype("uint8")
    ...         return np.repeat(grey, 3, axis=2) if drawn["grey"] else image
    >>> import keras_resnet_recipes as krr
    >>> recipe = krr.A3(augmentation=(*krr.A3().augmentation, RandomGrey(probability=0.2)))
    >>> recipe.random_grey_probability
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

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Draws the parameters of n images.

        Args:
            rng: Where random numbers come from.
            n: Number of images.

        Returns:
            Arrays [n, ...] by name.
        """
        raise NotImplementedError

    def apply(self, image: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies one row of what `draw` returned to one image.

        Args:
            image: uint8 [height, width, 3], RGB; it may be changed in place.
            drawn: Arrays [...] by name.

        Returns:
            uint8 [height, width, 3].
        """
        raise NotImplementedError

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes what was drawn for one image in a few words; nothing where nothing changes.

        Args:
            drawn: One row of what `draw` returned.
            height: Height of the image.
            width: Width of the image.

        Returns:
            A line per operation.
        """
        return ""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draws for one image and applies.

        Args:
            image: uint8 [height, width, 3], RGB.
            rng: Where random numbers come from.

        Returns:
            uint8 [height, width, 3].
        """
        return self.apply(np.array(image), first_row(self.draw(rng, 1)))

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies one row to packed pixels, uint32 [height, width], as the pipeline has them."""
        image = self.apply(kernels.packing.unpack(pixels), drawn)
        try:
            return kernels.packing.pack(image)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}.apply: {error}") from None


class PackedAugmentation(Augmentation, abstract=True):
    """An augmentation that is compiled for packed pixels, and that a layer does on the device.

    What is drawn is written once for both, from uniform variates.
    """

    uniforms: ClassVar[int] = 1
    """Uniform variates per image."""

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """The parameters of n images.

        Args:
            ops: Namespace of a backend.
            uniform: Variates in [0, 1), floating point [n, `uniforms`].

        Returns:
            Tensors [n, ...] by name.
        """
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Draws the parameters of n images; see `Augmentation.draw`."""
        return self.drawn(NUMPY, rng.random((n, self.uniforms)))

    def apply(self, image: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies one row of what `draw` returned to one image; see `Augmentation.apply`."""
        return kernels.packing.unpack(self.apply_packed(kernels.packing.pack(image), drawn))

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies one row to packed pixels, which may be changed in place."""
        raise NotImplementedError


class Crop(PackedAugmentation, abstract=True):
    """An augmentation that cuts a square out of an image of any size."""

    crops: ClassVar[bool] = True

    def box(self, height: int, width: int, drawn: Row) -> tuple[int, int, int, int]:
        """Top, left, height and width of the pixels that are needed of an image."""
        raise NotImplementedError

    def cut(
        self, pixels: np.ndarray, corner: tuple[int, int], shape: tuple[int, int], drawn: Row
    ) -> np.ndarray:
        """Makes the square of packed pixels that hold the box.

        Args:
            pixels: uint32 [height, width], the image or a part of it.
            corner: Where the box begins in them: row and column.
            shape: Height and width of the whole image.
            drawn: One row of what `draw` returned.

        Returns:
            uint32 [size, size], in memory of its own.
        """
        raise NotImplementedError

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Cuts the square out of a whole image."""
        height, width = pixels.shape
        return self.cut(pixels, self.box(height, width, drawn)[:2], pixels.shape, drawn)


def first_row(drawn: Mapping[str, np.ndarray]) -> Row:
    """The first row of what was drawn."""
    return {name: rows[0] for name, rows in drawn.items()}


def operation_text(name: str, argument: float) -> str:
    """An operation and what it is called with, where it is called with anything.

    >>> operation_text("rotate", -21.0), operation_text("invert", 0.0)
    ('rotate -21', 'invert')
    """
    alone = name in ("identity", "auto_contrast", "equalize", "invert")
    return name if alone else f"{name} {float(argument):.3g}"
