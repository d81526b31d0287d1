"""Training batches."""

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
"""Images, uint8 [batch, size, size, 3] with the size of the epoch, and targets, float32 [batch, classes]."""

Copies = list[tuple[int, list[Row]]]
"""Rows of a batch with the same image, each with its augmentation parameters."""

Use = Callable[[OpenedImage, Copies], None]
"""Function called with an image and the rows of the batch that use it."""


class TrainingBatches:
    """Training batches; with gradient accumulation, micro-batches.

    Batch `step` of an epoch depends on (recipe, data, seed, epoch, step) alone. It consists of the images at
    positions step * n to (step + 1) * n - 1 of the epoch's order. An unreadable image is replaced by one
    that the epoch does not use, or else by the next in the order.

    Args:
        recipe: The recipe, with `classes` set.
        data: Images.
        steps: Updates per epoch.
        seed: Seed of order and augmentation.
        unreadable: Collects unreadable images.
        devices: Number of devices of all hosts, each of which gets an equal shard of every batch.
        host: Index of this host, from 0, and number of hosts.
        workers: Threads that make images.

    Attributes:
        size: Number of images per batch on this host.
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
        self._samplers = {size: Sampler(recipe, seed, size) for size in recipe.train_sizes}
        self.layers = _keras_layers(recipe)
        if not isinstance(data, ImageDataset):
            _check_stream(recipe, data, per_image=self.sampler(0).per_image)
        self._batch = recipe.batch_size // recipe.gradient_accumulation_steps
        self._steps = steps * recipe.gradient_accumulation_steps
        self._dealt = order.dealt(self._batch, devices, *host)
        self._first_device = host[0] * len(self._dealt)
        self.size = self._dealt.size

    def sampler(self, epoch: int) -> Sampler:
        """Returns the sampler of an epoch, counted from 0."""
        return self._samplers[self._recipe.train_size_in(epoch)]

    def batches(self, first_epoch: int = 0, first_step: int = 0) -> Iterator[Batch]:
        """Yields all batches from a given one on; they are prefetched.

        Args:
            first_epoch: First epoch, from 0.
            first_step: First batch of that epoch, from 0.
        """
        candidates = self.candidates(first_epoch, first_step)
        keys = (
            (epoch, step)
            for epoch in range(first_epoch, self._recipe.total_epochs)
            for step in range(first_step if epoch == first_epoch else 0, self._steps)
        )
        return mapped(lambda key: self._made(candidates, *key), keys, threads=1)

    def batch(self, epoch: int, step: int) -> Batch:
        """Returns one batch."""
        return self._made(self.candidates(epoch, step), epoch, step)

    def mixed(self, images: np.ndarray, targets: np.ndarray, epoch: int, step: int) -> Batch:
        """Returns a batch after the mixing of the recipe; images may be changed in place."""
        mix = self._recipe.mix

        def of_device(images: np.ndarray, targets: np.ndarray, device: int) -> Batch:
            if isinstance(mix, KerasLayer):
                return self.layers.mixed(images, targets)
            number = device if mix.draws == "per_device" else 0
            return mix.apply(images, targets, order.mixing_rng(self._seed, epoch, step, number))

        if not self._recipe.mixes:
            return images, targets
        if not self._recipe.mix_per_replica:
            # Restores the order on one device, so that images have the same partners.
            positions = self._dealt.reshape(-1)
            back = np.argsort(positions)
            images, targets = of_device(images[back], targets[back], 0)
            return images[positions], targets[positions]
        count = len(self._dealt)
        devices = range(self._first_device, self._first_device + count)
        shards = zip(np.split(images, count), np.split(targets, count), devices, strict=True)
        mixed = [of_device(*shard) for shard in shards]
        return mixed[0] if count == 1 else tuple(map(np.concatenate, zip(*mixed, strict=True)))

    def candidates(self, epoch: int, step: int) -> order.Candidates:
        """Returns the candidates for the images of this batch and of the following ones."""
        copies = self._recipe.repeated_augmentation
        per_epoch = -(-self._steps * self._batch // copies)
        if isinstance(self._data, ImageDataset):
            sampled = order.balanced if self._recipe.balanced_sampling else order.indexed
            return sampled(self._data, self._seed, per_epoch)
        first = epoch * per_epoch + step * self._batch // copies
        return order.streamed(self._data, self._seed, per_epoch, first)

    def _made(self, candidates: order.Candidates, epoch: int, step: int) -> Batch:
        sampler = self.sampler(epoch)
        images = np.empty((self.size, sampler.size, sampler.size, 3), np.uint8)

        def augment(image: OpenedImage, copies: Copies) -> None:
            for row, drawn in copies:
                sampler.make(image, drawn, whole=len(copies) > 1, image=images[row])

        labels = self.read(candidates, epoch, step, augment)
        targets = one_hot(labels, self._recipe.classes, self._recipe.loss.label_smoothing)
        if self.layers is not None:
            images = self.layers.augmented(images)
        return self.mixed(images, targets, epoch, step)

    def read(self, candidates: order.Candidates, epoch: int, step: int, use: Use) -> np.ndarray:
        """Reads the images of a batch, in threads; returns the labels of the rows, int64 [size] or [size, classes].

        Args:
            candidates: Candidates, from this batch or an earlier one on.
            epoch: The epoch, from 0.
            step: The batch of the epoch, from 0.
            use: Called with an image and the rows that use it.

        Raises:
            ValueError: If no image is readable, or a label is outside 0..classes-1.
        """
        columns = self._data.labels.shape[1:] if self._data.multi_label else ()
        labels, sampler = np.empty((self.size, *columns), np.int64), self.sampler(epoch)

        def read_one(readers: Iterator[Reader], copies: Copies) -> None:
            for index, read in readers:
                try:
                    image, label = read()
                    own = [(row, sampler.of_image(drawn, epoch, index)) for row, drawn in copies]
                    with opened(image, self._data.max_pixels) as one:
                        use(one, own)
                except UnreadableImage as error:
                    self._unreadable.report(index, str(error))
                    continue
                labels[[row for row, _ in copies]] = label
                return
            raise ValueError(f"{self._data.name} contains no readable image.")

        begin, repeated = step * self._batch, self._recipe.repeated_augmentation
        shown: dict[int, Copies] = collections.defaultdict(list)
        for row, position in enumerate((self._dealt.reshape(-1) + begin).tolist()):
            shown[position // repeated].append((row, sampler.row(epoch, position)))
        first = begin // repeated
        readers = candidates(epoch, first, (begin + self._batch - 1) // repeated - first + 1)
        jobs = [(readers[image - first], copies) for image, copies in shown.items()]
        self._workers.each(lambda job: read_one(*job), jobs)
        check_labels(self._data.name, labels, self._recipe.classes)
        return labels


def _check_stream(recipe: BaseRecipe, data: ImageStream, *, per_image: bool) -> None:
    """Raises ValueError if a recipe needs to find images by their index."""
    if per_image:
        raise ValueError(
            "`alternating` must be False for data that is read in sequence, in which an image cannot be recognized "
            f"in the next epoch. Received: alternating=True for {data.name}"
        )
    if recipe.balanced_sampling:
        raise ValueError(
            "`balanced_sampling` must be False for data that is read in sequence, in which images of a class cannot be "
            f"chosen. Received: balanced_sampling=True for {data.name}. `class_weights` of the loss works with it."
        )


def _keras_layers(recipe: BaseRecipe) -> Any:
    """Returns the `KerasLayers` of a recipe, or None if it has none: nothing else here needs Keras."""
    if not any(isinstance(one, KerasLayer) for one in (*recipe.augmentation, recipe.mix)):
        return None
    from keras_resnet_recipes.input_pipeline.keras_layers import KerasLayers

    return KerasLayers(recipe)
