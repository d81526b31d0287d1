"""Training on batches that the processor makes: any source, any augmentation, any number of devices."""

import contextlib
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImages
from keras_resnet_recipes.data import from_source as read
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.input_pipeline.feeding import Feeding
from keras_resnet_recipes.input_pipeline.stages import Stage, stages
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts

__all__ = ["Feed", "read"]


class Feed:
    """Has a model train and be tested on batches of images, and collects images that cannot be read.

    Args:
        recipe: The recipe, its `classes` known.
        images: What to train on; None to evaluate only.
        validation: What to evaluate on, if anything.
        steps: Updates per epoch.
        seed: Seed of order and augmentation.
        replicas: Devices of all hosts.
        batches_per_call: Unused: callbacks have their turn after every batch.

    Raises:
        ValueError: If what to evaluate on cannot be used.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        images: ImageDataset | ImageStream | None,
        validation: ImageDataset | ImageStream | None,
        *,
        steps: int = 0,
        seed: int = 0,
        replicas: int = 1,
        batches_per_call: int | None = None,
    ) -> None:
        self._recipe, self._images, self._tested = recipe, images, validation
        self._seed, self._validation, self._feeding = seed, None, Feeding()
        self._watchers = [
            UnreadableImages(data, recipe.unreadable_images)
            for data in (images, validation)
            if data
        ]
        self._numbers = {"devices": replicas, "host": devices.host()}
        self._steps = steps
        if validation is not None:
            parts.resolved_classes(recipe, validation)
            # Ten views would cost ten times as much, after every epoch.
            tested = recipe if images is None else recipe.replace(test_views="one")
            self._validation = EvaluationBatches(
                tested, validation, unreadable=self._watchers[-1], **self._numbers
            )

    @property
    def evaluates(self) -> bool:
        """Whether there is anything to evaluate on."""
        return self._validation is not None

    @property
    def notes(self) -> dict[str, int]:
        """What to keep with every save: nothing, for a batch depends on nothing that came before it."""
        return {}

    def resume(self, notes: Mapping[str, int]) -> None:
        """Resumes with what a save kept: nothing."""

    def warn(self) -> None:
        """Warns of images that could not be read since the last call."""
        for watcher in self._watchers:
            watcher.warn()

    @contextlib.contextmanager
    def training(
        self, model: keras.Model, *, first_epoch: int, first_batch: int
    ) -> Iterator[dict[str, Any]]:
        """Inside, the compiled model can be fitted to what this yields.

        Args:
            model: The model.
            first_epoch: Epoch to begin with, from 0.
            first_batch: Batch of that epoch to begin with.

        Yields:
            Arguments of `fit`: `x` and `validation_data`.
        """
        training, recipe = self._training(), self._recipe
        images = (training.size, recipe.train_size, recipe.train_size, 3)
        targets = (training.size, recipe.classes)
        with self._feeding.errors():
            yield {
                "x": self._feeding.training(
                    lambda: training.batches(first_epoch, first_batch), images, targets
                ),
                "validation_data": self._validation and self._feeding.evaluation(self._validation),
            }

    @contextlib.contextmanager
    def evaluation(self, model: keras.Model) -> Iterator[Any]:
        """Inside, the compiled model can be evaluated on what this yields."""
        with self._feeding.errors():
            yield self._feeding.evaluation(self._validation)

    def examined(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The images that `evaluation` shows, uint8 [n, size, size, 3], and their targets [n, classes]."""
        for images, targets, *weights in self._validation:
            # On several devices what fills up a batch has no weight.
            seen = weights[0] > 0 if weights else slice(None)
            yield images[seen], targets[seen]

    def names(self, places: Collection[int]) -> dict[int, str]:
        """What images of `examined` are called, by their positions there, once all were seen."""
        names: dict[int, str] = {}
        index = place = 0
        while len(names) < len(places):
            name = self._tested.describe(index)
            index += 1
            if name in self._watchers[-1].reasons:
                continue
            if place in places:
                names[place] = name
            place += 1
        return names

    def previewed(self, rows: int) -> np.ndarray:
        """The images of the first batches, uint8 [rows, batch, size, size, 3]."""
        with contextlib.closing(self._training().batches()) as batches:
            return np.stack([images for images, _ in itertools.islice(batches, rows)])

    def stages(self) -> list[Stage]:
        """The first batch as decoded and after each ingredient."""
        return stages(self._recipe, self._images, seed=self._seed)

    def first_images(self, count: int) -> np.ndarray:
        """At most so many of the training images as an evaluation sees them, uint8 [n, size, size, 3]."""
        recipe, watcher = self._recipe.replace(test_views="one"), self._watchers[0]
        batches, images = EvaluationBatches(recipe, self._images, unreadable=watcher), []
        for seen, *_ in batches:
            images.append(seen)
            if sum(map(len, images)) >= count:
                break
        return np.concatenate(images)[:count]

    def _training(self) -> TrainingBatches:
        return TrainingBatches(
            self._recipe,
            self._images,
            steps=self._steps,
            seed=self._seed,
            unreadable=self._watchers[0],
            **self._numbers,
        )
