"""The batches of a training."""

import collections
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import one_hot
from keras_resnet_recipes.augment.augmentation import Row
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImage, UnreadableImages
from keras_resnet_recipes.data.arrays import check_labels
from keras_resnet_recipes.data.dataset import Reader
from keras_resnet_recipes.data.decode import OpenedImage, opened
from keras_resnet_recipes.data.parallel import Workers, mapped
from keras_resnet_recipes.input_pipeline import order
from keras_resnet_recipes.input_pipeline.sample import Sampler
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

Batch = tuple[np.ndarray, np.ndarray]
"""Images, uint8 [batch, size, size, 3], and targets, float32 [batch, classes]."""

Copies = list[tuple[int, list[Row]]]
"""The rows of a batch that show one image, each with what was drawn for it."""

Use = Callable[[OpenedImage, Copies], None]
"""What is done with an image, and the rows that show it."""


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

    Attributes:
        size: Images of a batch that this host makes.
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
        self._recipe, self._data, self._seed = recipe, data, seed
        self._unreadable, self._workers = unreadable, workers or Workers()
        self.sampler, self.layers = Sampler(recipe, seed), _keras_layers(recipe)
        self._batch = recipe.batch_size // recipe.gradient_accumulation_steps
        self._steps = steps * recipe.gradient_accumulation_steps
        self._dealt = order.dealt(self._batch, devices, *host)
        self._first_device = host[0] * len(self._dealt)
        self.size = self._dealt.size

    def batches(self, first_epoch: int = 0, first_step: int = 0) -> Iterator[Batch]:
        """All batches from one on, made ahead of their use.

        Args:
            first_epoch: Epoch to begin with, from 0.
            first_step: Batch of that epoch to begin with.
        """
        candidates = self.candidates(first_epoch, first_step)
        keys = (
            (epoch, step)
            for epoch in range(first_epoch, self._recipe.total_epochs)
            for step in range(first_step if epoch == first_epoch else 0, self._steps)
        )
        return mapped(lambda key: self._made(candidates, *key), keys, threads=1)

    def batch(self, epoch: int, step: int) -> Batch:
        """One batch."""
        return self._made(self.candidates(epoch, step), epoch, step)

    def mixed(self, images: np.ndarray, targets: np.ndarray, epoch: int, step: int) -> Batch:
        """A batch as the recipe mixes it; images may be changed in place."""
        mix = self._recipe.mix

        def of_device(images: np.ndarray, targets: np.ndarray, device: int) -> Batch:
            if isinstance(mix, KerasLayer):
                return self.layers.mixed(images, targets)
            return mix.apply(images, targets, order.mixing_rng(self._seed, epoch, step, device))

        if not self._recipe.mixes:
            return images, targets
        if not self._recipe.mix_per_replica:
            # Image i and its partner stand where they do on one device.
            positions = self._dealt.reshape(-1)
            back = np.argsort(positions)
            images, targets = of_device(images[back], targets[back], 0)
            return images[positions], targets[positions]
        count = len(self._dealt)
        devices = range(self._first_device, self._first_device + count)
        parts = zip(np.split(images, count), np.split(targets, count), devices, strict=True)
        mixed = [of_device(*part) for part in parts]
        return mixed[0] if count == 1 else tuple(map(np.concatenate, zip(*mixed, strict=True)))

    def candidates(self, epoch: int, step: int) -> order.Candidates:
        """The images of this batch and of those that follow."""
        copies = self._recipe.repeated_augmentation
        per_epoch = -(-self._steps * self._batch // copies)
        if isinstance(self._data, ImageDataset):
            return order.indexed(self._data, self._seed, per_epoch)
        first = epoch * per_epoch + step * self._batch // copies
        return order.streamed(self._data, self._seed, per_epoch, first)

    def _made(self, candidates: order.Candidates, epoch: int, step: int) -> Batch:
        images = np.empty((self.size, self.sampler.size, self.sampler.size, 3), np.uint8)

        def augment(image: OpenedImage, copies: Copies) -> None:
            for row, drawn in copies:
                self.sampler.make(image, drawn, whole=len(copies) > 1, image=images[row])

        labels = self.read(candidates, epoch, step, augment)
        targets = one_hot(labels, self._recipe.classes, self._recipe.loss.label_smoothing)
        if self.layers is not None:
            images = self.layers.augmented(images)
        return self.mixed(images, targets, epoch, step)

    def read(self, candidates: order.Candidates, epoch: int, step: int, use: Use) -> np.ndarray:
        """Has every image of a batch used, in threads; returns the label of each row, int64 [size].

        Args:
            candidates: Images, from this batch or an earlier one on.
            epoch: The epoch, from 0.
            step: The batch of the epoch, from 0.
            use: Called with an image and the rows that show it.

        Raises:
            ValueError: If no image can be read, or a label is outside 0..classes-1.
        """
        labels = np.empty(self.size, np.int64)

        def read_one(readers: Iterator[Reader], copies: Copies) -> None:
            for index, read in readers:
                try:
                    image, label = read()
                    with opened(image, self._data.max_pixels) as one:
                        use(one, copies)
                except UnreadableImage as error:
                    self._unreadable.report(index, str(error))
                    continue
                labels[[row for row, _ in copies]] = label
                return
            raise ValueError(f"{self._data.name} holds no image that can be read.")

        begin, repeated = step * self._batch, self._recipe.repeated_augmentation
        shown: dict[int, Copies] = collections.defaultdict(list)
        for row, position in enumerate((self._dealt.reshape(-1) + begin).tolist()):
            shown[position // repeated].append((row, self.sampler.row(epoch, position)))
        first = begin // repeated
        readers = candidates(epoch, first, (begin + self._batch - 1) // repeated - first + 1)
        jobs = [(readers[image - first], copies) for image, copies in shown.items()]
        self._workers.each(lambda job: read_one(*job), jobs)
        check_labels(self._data.name, labels, self._recipe.classes)
        return labels


def _keras_layers(recipe: BaseRecipe) -> Any:
    """The `KerasLayers` of a recipe, or None without any: nothing else here needs Keras."""
    if not any(isinstance(one, KerasLayer) for one in (*recipe.augmentation, recipe.mix)):
        return None
    from keras_resnet_recipes.input_pipeline.keras_layers import KerasLayers

    return KerasLayers(recipe)
