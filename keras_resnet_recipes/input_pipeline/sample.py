"""Cropping and augmentation of one image."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import CenterCrop, kernels
from keras_resnet_recipes.augment.augmentation import Augmentation, Crop, Row
from keras_resnet_recipes.data.decode import OpenedImage
from keras_resnet_recipes.input_pipeline.order import augmentation_rng, image_rng
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

# Positions whose parameters are drawn together: drawn singly, they cost more than a flip.
_BLOCK = 256


class Sampler:
    """Makes the training images of a recipe.

    Args:
        recipe: The recipe.
        seed: Seed of the run.
        size: Side of the images in pixels.
    """

    def __init__(self, recipe: BaseRecipe, seed: int, size: int) -> None:
        self.size, self._seed = size, seed
        self.steps: list[Augmentation] = [
            step.sized(self.size)
            for step in recipe.augmentation
            if not isinstance(step, KerasLayer)
        ]
        crops = bool(self.steps) and self.steps[0].crops
        self.crop: Crop | None = self.steps[0] if crops else None
        # Used if the recipe has no random crop.
        self.whole = CenterCrop(self.size, 1.0, recipe.test.interpolation)
        # Positions are interleaved over devices, so each device needs all blocks of a batch.
        self._block = functools.lru_cache(recipe.batch_size // _BLOCK + 2)(self._drawn)
        self._block_of_images = functools.cache(self._drawn_of_images)

    @property
    def per_image(self) -> bool:
        """Whether augmentation parameters depend on the image."""
        return any(step.per_image for step in self.steps)

    def row(self, epoch: int, position: int) -> list[Row]:
        """Returns the augmentation parameters of a position of an epoch, per augmentation; `of_image` replaces some."""
        return [_row(drawn, position) for drawn in self._block(epoch, position // _BLOCK)]

    def of_image(self, row: list[Row], epoch: int, index: int) -> list[Row]:
        """Returns the parameters of a position with those that depend on its image, given by its index in the data."""
        if not self.per_image:
            return row
        block = self._block_of_images(index // _BLOCK)
        return [
            self.steps[number].in_epoch(_row(block[number], index), epoch)
            if number in block
            else drawn
            for number, drawn in enumerate(row)
        ]

    def _drawn(self, epoch: int, block: int) -> list[Mapping[str, np.ndarray]]:
        """Draws the parameters of a block of positions, so that they do not depend on the batch."""
        drawn = []
        for number, step in enumerate(self.steps):
            rows = step.draw(augmentation_rng(self._seed, epoch, block, number), _BLOCK)
            shapes = {name: np.shape(value) for name, value in rows.items()} if rows else rows
            if not shapes or any(shape[:1] != (_BLOCK,) for shape in shapes.values()):
                raise ValueError(
                    f"`augmentation`: {type(step).__name__}.draw must return arrays [n, ...] by name, here with n = "
                    f"{_BLOCK}. Received: {shapes}"
                )
            drawn.append(rows)
        return drawn

    def _drawn_of_images(self, block: int) -> dict[int, Mapping[str, np.ndarray]]:
        """Draws the parameters of a block of images, for all epochs, by the number of the augmentation."""
        return {
            number: step.draw(image_rng(self._seed, block, number), _BLOCK)
            for number, step in enumerate(self.steps)
            if step.per_image
        }

    def cropped(self, opened: OpenedImage, row: list[Row], whole: bool) -> np.ndarray:
        """Returns the packed square before further augmentation, in a new array.

        Args:
            opened: The image.
            row: Its augmentation parameters.
            whole: Whether to decode the whole image, because it is used several times.
        """
        if self.crop is None:
            return self.whole.cut(opened.packed())
        shape = opened.height, opened.width
        box = self.crop.box(*shape, row[0])
        pixels, *corner = (opened.packed(), *box[:2]) if whole else opened.pixels(*box)
        return self.crop.cut(pixels, tuple(corner), shape, row[0])

    def changes(self, pixels: np.ndarray, row: list[Row]) -> Iterator[tuple[Any, Row, np.ndarray]]:
        """Yields the augmentations after the crop, each with its parameters and the packed image after it."""
        first = 0 if self.crop is None else 1
        for step, drawn in zip(self.steps[first:], row[first:], strict=True):
            pixels = step.apply_packed(pixels, drawn)
            if pixels.shape != (self.size, self.size):
                raise ValueError(
                    f"`augmentation`: {type(step).__name__} must return images of {self.size} x {self.size} "
                    f"pixels, like its inputs. Received: {pixels.shape[0]} x {pixels.shape[1]}"
                )
            yield step, drawn, pixels

    def make(self, opened: OpenedImage, row: list[Row], whole: bool, image: np.ndarray) -> None:
        """Writes the augmented image to uint8 [size, size, 3]."""
        pixels = self.cropped(opened, row, whole)
        for *_, changed in self.changes(pixels, row):
            pixels = changed
        kernels.packing.unpack(pixels, image)


def _row(drawn: Mapping[str, np.ndarray], position: int) -> Row:
    """Returns the parameters of one position, or image, of a block."""
    return {name: rows[position % _BLOCK] for name, rows in drawn.items()}
