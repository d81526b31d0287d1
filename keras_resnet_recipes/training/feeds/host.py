"""Batches of images that the host makes: any source, any augmentation, any number of devices."""

import contextlib
import itertools
from collections.abc import Collection, Iterator
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImages
from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
from keras_resnet_recipes.input_pipeline.keras_data import KerasData
from keras_resnet_recipes.input_pipeline.snapshots import Snapshot, snapshots
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.checks import resolved_classes


class Feed:
    """Feeds training and evaluation batches to a model and collects unreadable images.

    Args:
        recipe: The recipe, its `classes` known.
        images: Training data; None to evaluate only.
        validation: Evaluation data, if any.
        steps: Updates per epoch.
        seed: Seed of order and augmentation.
        replicas: Devices of all hosts.

    Raises:
        ValueError: If the evaluation data cannot be used.
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
    ) -> None:
        self._recipe, self._images, self._tested = recipe, images, validation
        self._seed, self._validation, self._keras_data = seed, None, KerasData()
        self._watchers = [
            UnreadableImages(data, recipe.unreadable_images)
            for data in (images, validation)
            if data
        ]
        self._numbers = {"devices": replicas, "host": devices.host()}
        self._steps = steps
        if validation is not None:
            resolved_classes(recipe, validation)
            # Ten views would cost ten times as much, after every epoch.
            tested = recipe if images is None else recipe.replace(test_views="one")
            self._validation = EvaluationBatches(
                tested, validation, unreadable=self._watchers[-1], **self._numbers
            )

    @property
    def evaluates(self) -> bool:
        """Whether there is evaluation data."""
        return self._validation is not None

    @property
    def step(self) -> dict[str, Any]:
        """Arguments of `TrainingModel`: none, for batches are images and targets already."""
        return {}

    @property
    def epoch_in_one_call(self) -> bool:
        """Whether a call of the compiled step may take all steps of an epoch."""
        return False

    def warn(self) -> None:
        """Warns of images that could not be read since the last call."""
        for watcher in self._watchers:
            watcher.warn()

    @contextlib.contextmanager
    def training(self, *, first_epoch: int, first_batch: int) -> Iterator[dict[str, Any]]:
        """Context manager: yields the arguments `x` and `validation_data` of `fit`.

        Args:
            first_epoch: First epoch, from 0.
            first_batch: First batch of that epoch, from 0.
        """
        training, recipe = self._training(), self._recipe
        # On TensorFlow the step is traced once, for images of any size if there are several.
        side = recipe.train_size if len(recipe.train_sizes) == 1 else None
        images = (training.size, side, side, 3)
        targets = (training.size, recipe.classes)
        with self._keras_data.errors():
            yield {
                "x": self._keras_data.training(
                    lambda: training.batches(first_epoch, first_batch), images, targets
                ),
                "validation_data": self._validation
                and self._keras_data.evaluation(self._validation),
            }

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[Any]:
        """Context manager: yields the data that `evaluate` takes."""
        with self._keras_data.errors():
            yield self._keras_data.evaluation(self._validation)

    def examined(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Yields the images of `evaluation`, uint8 [n, size, size, 3] or their views, and targets [n, classes]."""
        for images, targets, *weights in self._validation:
            if weights:
                # On several devices the padding of a batch has weight 0.
                images, targets = keras.tree.map_structure(
                    lambda one, seen=weights[0] > 0: one[seen], (images, targets)
                )
            yield images, targets

    def indices(self, positions: Collection[int]) -> dict[int, int]:
        """Returns indices of images in the data by their positions in `examined`, once all were seen."""
        found: dict[int, int] = {}
        index = position = 0
        while len(found) < len(positions):
            if self._tested.describe(index) not in self._watchers[-1].reasons:
                if position in positions:
                    found[position] = index
                position += 1
            index += 1
        return found

    def previewed(self, rows: int) -> np.ndarray:
        """Returns the images of the first batches, uint8 [rows, batch, size, size, 3]."""
        with contextlib.closing(self._training().batches()) as batches:
            return np.stack([images for images, _ in itertools.islice(batches, rows)])

    def snapshots(self) -> list[Snapshot]:
        """Returns the first batch as decoded and after each ingredient."""
        return snapshots(self._recipe, self._images, seed=self._seed)

    def first_images(self, count: int) -> np.ndarray:
        """Returns up to `count` training images, preprocessed as for evaluation, uint8 [n, size, size, 3]."""
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
