"""`Augmentation`: the base class of random changes of one image."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.part import Part

Row = Mapping[str, Any]
"""Augmentation parameters of one image, by name."""


class Augmentation(Part, abstract=True):
    """Base class of random changes of one image, in two steps: `draw` parameters, then `apply` them.

    A pipeline draws for a whole batch at once, which is much faster than per image, and applies one row
    to each image. In other code, call the augmentation. Augmentations are frozen and stateless: the
    draws depend on the generator alone.

    A custom subclass can be used in a recipe like the augmentations of this package: it is printed,
    compared, saved as JSON and restored. Its annotated fields are its settings.

    Example:
        >>> class RandomGrey(Augmentation):
        ...     probability: float = 0.1
        ...     def draw(self, rng, n):
        ...         return {"gray": rng.random(n) < self.probability}
        ...     def apply(self, image, drawn):
        ...         gray = image.mean(axis=2, keepdims=True).astype("uint8")
        ...         return np.repeat(gray, 3, axis=2) if drawn["gray"] else image
        >>> import keras_resnet_recipes as krr
        >>> recipe = krr.A3(augmentation=(*krr.A3().augmentation, RandomGrey(probability=0.2)))
        >>> recipe.random_grey_probability
        0.2
    """

    crops: ClassVar[bool] = False
    """True for a crop of images of any size to a square of its `size`; such a crop must come first."""

    on_device: ClassVar[bool] = False
    """True if it is supported with `data_on_device=True`, where it runs on whole batches."""

    @property
    def per_image(self) -> bool:
        """Whether parameters are drawn once per image of the data set, not anew in every epoch; see `in_epoch`."""
        return False

    def sized(self, size: int) -> Self:
        """Returns the augmentation with its `size` set, in pixels, if it is a crop that has one."""
        names = {field.name for field in dataclasses.fields(self)}
        return dataclasses.replace(self, size=size) if self.crops and "size" in names else self

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Draws the augmentation parameters of n images.

        Args:
            rng: Random generator.
            n: Number of images.

        Returns:
            Arrays [n, ...] by name.
        """
        raise NotImplementedError

    def in_epoch(self, drawn: Mapping[str, Any], epoch: int) -> Mapping[str, Any]:
        """Returns the parameters of an epoch, counted from 0, computed from those drawn once per image."""
        return drawn

    def apply(self, image: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies augmentation parameters to one image.

        Args:
            image: uint8 [height, width, 3], RGB; it may be changed in place.
            drawn: The parameters of the image, one row of the arrays returned by `draw`.

        Returns:
            uint8 [height, width, 3].
        """
        raise NotImplementedError

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the augmentation parameters of one image in a few words.

        Args:
            drawn: The parameters of the image, one row of the arrays returned by `draw`.
            height: Height of the image.
            width: Width of the image.

        Returns:
            One line per operation; empty if the image does not change.
        """
        return ""

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Augments one image.

        Args:
            image: uint8 [height, width, 3], RGB; it is not changed.
            rng: Random generator.

        Returns:
            uint8 [height, width, 3].
        """
        return self.apply(np.array(image), first_row(self.draw(rng, 1)))

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies augmentation parameters to packed pixels, uint32 [height, width], as in the pipeline."""
        image = self.apply(kernels.packing.unpack(pixels), drawn)
        try:
            return kernels.packing.pack(image)
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}.apply: {error}") from None


class PackedAugmentation(Augmentation, abstract=True):
    """Base class of augmentations with a compiled version for packed pixels and a layer for devices.

    Both compute their parameters from uniform variates with the same code, `drawn`.
    """

    uniforms: ClassVar[int] = 1
    """Uniform variates per image."""

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns the augmentation parameters of n images, computed from uniform variates.

        Args:
            ops: Namespace of a backend.
            uniform: Variates in [0, 1), floating point [n, `uniforms`].

        Returns:
            Tensors [n, ...] by name.
        """
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
        """Draws the augmentation parameters of n images; see `Augmentation.draw`."""
        return self.drawn(NUMPY, rng.random((n, self.uniforms)))

    def apply(self, image: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies augmentation parameters to one image; see `Augmentation.apply`."""
        return kernels.packing.unpack(self.apply_packed(kernels.packing.pack(image), drawn))

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies augmentation parameters to packed pixels, which may be changed in place."""
        raise NotImplementedError


class Crop(PackedAugmentation, abstract=True):
    """Base class of augmentations that crop an image of any size to a square."""

    crops: ClassVar[bool] = True

    def box(self, height: int, width: int, drawn: Row) -> tuple[int, int, int, int]:
        """Returns top, left, height and width of the pixels of the image that the crop needs."""
        raise NotImplementedError

    def cut(
        self, pixels: np.ndarray, corner: tuple[int, int], shape: tuple[int, int], drawn: Row
    ) -> np.ndarray:
        """Returns the square, computed from packed pixels that contain the box.

        Args:
            pixels: uint32 [height, width], the image or a part of it.
            corner: Row and column of the box in `pixels`.
            shape: Height and width of the whole image.
            drawn: The parameters of the image, one row of the arrays returned by `draw`.

        Returns:
            uint32 [size, size], a new array.
        """
        raise NotImplementedError

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Crops a whole image to the square."""
        height, width = pixels.shape
        return self.cut(pixels, self.box(height, width, drawn)[:2], pixels.shape, drawn)


def first_row(drawn: Mapping[str, np.ndarray]) -> Row:
    """Returns the first row of augmentation parameters."""
    return {name: rows[0] for name, rows in drawn.items()}


def operation_text(name: str, argument: float) -> str:
    """Returns an operation as text, with its argument if it has one.

    Example:
        >>> operation_text("rotate", -21.0), operation_text("invert", 0.0)
        ('rotate -21', 'invert')
    """
    alone = name in ("identity", "auto_contrast", "equalize", "invert")
    return name if alone else f"{name} {float(argument):.3g}"
