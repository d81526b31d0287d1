"""The batches of a training."""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from keras_resnet_recipes.augment import one_hot
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImage, UnreadableImages
from keras_resnet_recipes.data.decode import OpenedImage, opened
from keras_resnet_recipes.data.parallel import Workers, mapped
from keras_resnet_recipes.input_pipeline.order import Shards, mixing_rng
from keras_resnet_recipes.input_pipeline.sample import Drawn, Sampler
from keras_resnet_recipes.input_pipeline.sources import Example, IndexedImages, StreamedImages
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

if TYPE_CHECKING:
    from keras_resnet_recipes.input_pipeline.keras_layers import KerasLayers

# Batches that are made before they are asked for.
AHEAD = 2

Batch = tuple[np.ndarray, np.ndarray]
"""Images, uint8 [batch, size, size, 3], and targets, float32 [batch, classes]."""


class TrainingBatches:
    """The batches of a training, with accumulation its micro-batches.

    Batch `step` of an epoch depends on (recipe, data, seed, epoch, step) alone. The images at positions step * n to
    (step + 1) * n - 1 of the epoch's order are in it. What takes the place of an image that
    cannot be read is one that the epoch leaves out, or else the next in the order.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        steps: Updates per epoch.
        seed: Seed of order and augmentation.
        unreadable: Collects images that cannot be read.
        devices: Devices of all hosts, each of which gets an equal shard of every batch.
        host: This host, from 0, and the number of hosts.
        workers: Threads that make images.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        data: ImageDataset | ImageStream,
        *,
        steps: int,
        seed: int,
        unreadable: UnreadableImages,
        devices: int = 1,
        host: tuple[int, int] = (0, 1),
        workers: Workers | None = None,
    ) -> None:
        size = recipe.batch_size // recipe.gradient_accumulation_steps
        self._recipe, self._data, self._seed = recipe, data, seed
        self._unreadable, self._workers = unreadable, workers or Workers()
        self._sampler, self._layers = Sampler(recipe, seed), keras_layers(recipe)
        self._copies = recipe.repeated_augmentation
        self.shards = Shards(size, devices, *host)
        self.per_epoch = steps * recipe.gradient_accumulation_steps

    def batches(self, first_epoch: int = 0, first_step: int = 0) -> Iterator[Batch]:
        """All batches from one on, made ahead of their use.

        Args:
            first_epoch: Epoch to begin with, from 0.
            first_step: Batch of that epoch to begin with.
        """
        images = self._images(first_epoch, first_step)
        keys = (
            (epoch, step)
            for epoch in range(first_epoch, self._recipe.total_epochs)
            for step in range(first_step if epoch == first_epoch else 0, self.per_epoch)
        )
        return mapped(lambda key: self._made(images, *key), keys, threads=1, ahead=AHEAD)

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch."""
        return self._made(self._images(epoch, step), epoch, step)

    def _images(self, epoch: int, step: int) -> IndexedImages | StreamedImages:
        batch, copies = self.shards.batch, self._copies
        per_epoch = -(-self.per_epoch * batch // copies)
        if isinstance(self._data, ImageDataset):
            return IndexedImages(self._data, self._seed, per_epoch)
        first = epoch * per_epoch + step * batch // copies
        return StreamedImages(self._data, self._seed, per_epoch, first)

    def _made(self, images: IndexedImages | StreamedImages, epoch: int, step: int) -> Batch:
        size, copies = self.shards.batch, self._copies
        first = step * size // copies
        count = ((step + 1) * size - 1) // copies - first + 1
        candidates = images.candidates(epoch, first, count)
        # The rows of this host that show the same image.
        rows: dict[int, list[tuple[int, int]]] = {}
        for row, position in enumerate(self.shards.positions().tolist()):
            rows.setdefault((step * size + position) // copies - first, []).append((row, position))
        drawn = self._sampler.drawn(epoch, step * size, size)
        pictures = np.empty((self.shards.size, self._sampler.size, self._sampler.size, 3), np.uint8)
        labels = np.empty(self.shards.size, np.int64)
        jobs = [(candidates[image], here, drawn, pictures, labels) for image, here in rows.items()]
        self._workers.each(lambda job: self._fill(*job), jobs)
        return self._finished(pictures, labels, epoch, step)

    def _fill(
        self,
        candidates: Iterator[Example],
        rows: list[tuple[int, int]],
        drawn: Drawn,
        images: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """Writes the copies of the first image that can be read into their rows."""
        for index, read in candidates:
            try:
                image, label = read()
                with opened(image, self._data.max_pixels) as one:
                    self._augment(one, rows, drawn, images)
            except UnreadableImage as error:
                self._unreadable.report(index, str(error))
                continue
            labels[[row for row, _ in rows]] = label
            return
        raise ValueError(f"{self._data.name} holds no image that can be read.")

    def _augment(
        self, image: OpenedImage, rows: list[tuple[int, int]], drawn: Drawn, images: np.ndarray
    ) -> None:
        for row, position in rows:
            own = self._sampler.row(drawn, position)
            self._sampler.make(image, own, whole=len(rows) > 1, image=images[row])

    def _finished(self, images: np.ndarray, labels: np.ndarray, epoch: int, step: int) -> Batch:
        """The batch with targets, after layers of Keras, mixed."""
        recipe = self._recipe
        check_within(self._data.name, labels, recipe.classes)
        targets = one_hot(labels, recipe.classes, recipe.loss.label_smoothing)
        if self._layers is not None:
            images = self._layers.augmented(images)
        if not recipe.mixes:
            return images, targets
        if not recipe.mix_per_replica:
            # Image i and its partner stand where they do on one device.
            back = np.argsort(self.shards.positions())
            images, targets = self._mixed(images[back], targets[back], epoch, step, 0)
            dealt = self.shards.positions()
            return images[dealt], targets[dealt]
        devices = self.shards.own_devices
        parts = zip(
            np.split(images, len(devices)), np.split(targets, len(devices)), devices, strict=True
        )
        mixed = [self._mixed(*part, epoch, step, device) for *part, device in parts]
        return mixed[0] if len(mixed) == 1 else tuple(map(np.concatenate, zip(*mixed, strict=True)))

    def _mixed(
        self, images: np.ndarray, targets: np.ndarray, epoch: int, step: int, device: int
    ) -> Batch:
        if isinstance(self._recipe.mix, KerasLayer):
            return self._layers.mixed(images, targets)
        rng = mixing_rng(self._seed, epoch, step, device)
        return self._recipe.mix.apply(images, targets, rng)


def check_within(name: str, labels: np.ndarray, classes: int) -> None:
    """Raises a ValueError if a label that was read is outside 0..classes-1."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ValueError(
            f"labels of {name} must be within 0..{classes - 1} for {classes} classes. Received: {wrong[0]}"
        )


def keras_layers(recipe: BaseRecipe) -> "KerasLayers | None":
    """The layers of Keras of a recipe, if it has any: nothing else here needs Keras."""
    if not any(isinstance(one, KerasLayer) for one in (*recipe.augmentation, recipe.mix)):
        return None
    module = importlib.import_module("keras_resnet_recipes.input_pipeline.keras_layers")
    return module.KerasLayers(recipe)
