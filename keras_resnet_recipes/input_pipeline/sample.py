"""One image: read, decoded, cropped, augmented."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import CenterCrop, kernels
from keras_resnet_recipes.augment.augmentation import Augmentation, Crop
from keras_resnet_recipes.data.decode import OpenedImage
from keras_resnet_recipes.input_pipeline.order import augmentation_rng
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

Drawn = Sequence[Mapping[str, np.ndarray]]
"""For each augmentation what was drawn for the images of a batch, arrays [batch, ...] by name."""

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
        self._blocks: dict[tuple[int, int], Drawn] = {}
        self.steps: list[Augmentation] = [
            step.sized(self.size)
            for step in recipe.augmentation
            if not isinstance(step, KerasLayer)
        ]
        crops = bool(self.steps) and self.steps[0].crops
        self.crop: Crop | None = self.steps[0] if crops else None
        # Takes the place of a random crop where the recipe has none.
        self.whole = CenterCrop(self.size, 1.0, recipe.test.interpolation)

    def drawn(self, epoch: int, first: int, count: int) -> Drawn:
        """Draws for some positions of an epoch, in blocks, so that a position's draws do not depend on the others.

        Args:
            epoch: The epoch, from 0.
            first: The first position.
            count: Number of positions.
        """
        blocks = range(first // _BLOCK, (first + count - 1) // _BLOCK + 1)
        skipped = first - blocks.start * _BLOCK
        drawn = [self._block(epoch, block) for block in blocks]
        return [
            {
                name: np.concatenate([block[number][name] for block in drawn])[skipped:][:count]
                for name in drawn[0][number]
            }
            for number in range(len(self.steps))
        ]

    def _block(self, epoch: int, block: int) -> Drawn:
        """The draws of a block; the last two are kept, for small batches."""
        if (epoch, block) not in self._blocks:
            made = [
                augmentation.draw(augmentation_rng(self._seed, epoch, block, number), _BLOCK)
                for number, augmentation in enumerate(self.steps)
            ]
            last = list(self._blocks.items())[-1:]
            self._blocks = dict([*last, ((epoch, block), made)])
        return self._blocks[epoch, block]

    def row(self, drawn: Drawn, position: int) -> list[dict[str, Any]]:
        """What was drawn for one image of the batch, for each augmentation."""
        return [{name: rows[position] for name, rows in one.items()} for one in drawn]

    def cropped(self, opened: OpenedImage, row: list[dict[str, Any]], whole: bool) -> np.ndarray:
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

    def changes(self, pixels: np.ndarray, row: list[dict[str, Any]]) -> Any:
        """The augmentations after the crop, each with its row and the packed image after it."""
        first = 0 if self.crop is None else 1
        for augmentation, drawn in zip(self.steps[first:], row[first:], strict=True):
            pixels = augmentation.apply_packed(pixels, drawn)
            if pixels.shape != (self.size, self.size):
                raise ValueError(
                    f"`augmentation`: {type(augmentation).__name__} must return images of {self.size} x {self.size} "
                    f"pixels, as it is given. Received: {pixels.shape[0]} x {pixels.shape[1]}"
                )
            yield augmentation, drawn, pixels

    def make(
        self, opened: OpenedImage, row: list[dict[str, Any]], whole: bool, image: np.ndarray
    ) -> None:
        """Writes the augmented image to uint8 [size, size, 3]."""
        pixels = self.cropped(opened, row, whole)
        for *_, changed in self.changes(pixels, row):
            pixels = changed
        kernels.packing.unpack(pixels, image)
