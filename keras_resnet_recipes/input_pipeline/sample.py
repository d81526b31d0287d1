"""One image: cropped and augmented, as a recipe says."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import CenterCrop, kernels
from keras_resnet_recipes.augment.augmentation import Augmentation, Crop, Row
from keras_resnet_recipes.data.decode import OpenedImage
from keras_resnet_recipes.input_pipeline.order import augmentation_rng
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

# Positions that are drawn for at once: one by one, draws cost more than a flip.
_BLOCK = 256


class Sampler:
    """Makes training images as a recipe says.

    Args:
        recipe: The recipe.
        seed: Seed of the run.
    """

    def __init__(self, recipe: BaseRecipe, seed: int) -> None:
        self.size, self._seed = recipe.train_size, seed
        self.steps: list[Augmentation] = [
            step.sized(self.size)
            for step in recipe.augmentation
            if not isinstance(step, KerasLayer)
        ]
        crops = bool(self.steps) and self.steps[0].crops
        self.crop: Crop | None = self.steps[0] if crops else None
        # Takes the place of a random crop where the recipe has none.
        self.whole = CenterCrop(self.size, 1.0, recipe.test.interpolation)
        # Devices take positions by turns: each one looks into all blocks of a batch.
        self._block = functools.lru_cache(recipe.batch_size // _BLOCK + 2)(self._drawn)

    def row(self, epoch: int, position: int) -> list[Row]:
        """What is drawn for a position of an epoch, for each augmentation."""
        block, place = divmod(position, _BLOCK)
        return [
            {name: rows[place] for name, rows in drawn.items()}
            for drawn in self._block(epoch, block)
        ]

    def _drawn(self, epoch: int, block: int) -> list[Mapping[str, np.ndarray]]:
        """Draws for a block of positions, so that a position's draws do not depend on its batch."""
        drawn = []
        for number, step in enumerate(self.steps):
            rows = step.draw(augmentation_rng(self._seed, epoch, block, number), _BLOCK)
            shapes = {name: np.shape(value) for name, value in rows.items()} if rows else rows
            if not shapes or any(shape[:1] != (_BLOCK,) for shape in shapes.values()):
                raise ValueError(
                    f"`augmentation`: {type(step).__name__}.draw must return arrays [n, ...] by name, here of n = "
                    f"{_BLOCK}. Received: {shapes}"
                )
            drawn.append(rows)
        return drawn

    def cropped(self, opened: OpenedImage, row: list[Row], whole: bool) -> np.ndarray:
        """The packed square that is augmented further, in memory of its own.

        Args:
            opened: The image.
            row: What was drawn for it.
            whole: Whether all of the image is decoded, because others are made of it too.
        """
        if self.crop is None:
            return self.whole.cut(opened.packed())
        shape = opened.height, opened.width
        box = self.crop.box(*shape, row[0])
        pixels, *corner = (opened.packed(), *box[:2]) if whole else opened.pixels(*box)
        return self.crop.cut(pixels, tuple(corner), shape, row[0])

    def changes(self, pixels: np.ndarray, row: list[Row]) -> Iterator[tuple[Any, Row, np.ndarray]]:
        """The augmentations after the crop, each with what was drawn and the packed image after it."""
        first = 0 if self.crop is None else 1
        for step, drawn in zip(self.steps[first:], row[first:], strict=True):
            pixels = step.apply_packed(pixels, drawn)
            if pixels.shape != (self.size, self.size):
                raise ValueError(
                    f"`augmentation`: {type(step).__name__} must return images of {self.size} x {self.size} "
                    f"pixels, as it is given. Received: {pixels.shape[0]} x {pixels.shape[1]}"
                )
            yield step, drawn, pixels

    def make(self, opened: OpenedImage, row: list[Row], whole: bool, image: np.ndarray) -> None:
        """Writes the augmented image to uint8 [size, size, 3]."""
        pixels = self.cropped(opened, row, whole)
        for *_, changed in self.changes(pixels, row):
            pixels = changed
        kernels.packing.unpack(pixels, image)
