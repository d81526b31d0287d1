"""Training on what a tf.data pipeline makes: any source, any augmentation, any number of devices."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.data import ImageDataset, UnreadableImages
from keras_resnet_recipes.data import from_source as read
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts
from keras_resnet_recipes.training.ingredients import stages
from keras_resnet_recipes.training.pipeline import evaluation_batches, training_batches
from keras_resnet_recipes.training.stage import Stage

__all__ = ["Feed", "read"]


class Feed:
    """Has a model train and be tested on batches of pictures, and hears of images that cannot be read.

    Args:
        recipe: The recipe, its `classes` known.
        images: What to train on; None to evaluate only.
        validation: What to evaluate on, if anything.
        steps: Updates of an epoch.
        seed: Seed of order and augmentation.
        replicas: Devices of all hosts.
        batches_per_call: Not read: callbacks have their turn after every batch.
        data_service: Address of a tf.data service whose workers make the training pictures.

    Raises:
        ValueError: If what to evaluate on cannot be used.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        images: ImageDataset | None,
        validation: ImageDataset | None,
        *,
        steps: int = 0,
        seed: int = 0,
        replicas: int = 1,
        batches_per_call: int | None = None,
        data_service: str | None = None,
    ) -> None:
        self._recipe, self._images, self._tested = recipe, images, validation
        self._all_readable, self._validation = True, None
        self._watchers = [
            UnreadableImages(data, recipe.unreadable_images)
            for data in (images, validation)
            if data
        ]
        self._numbers = {
            "steps": steps,
            "seed": seed,
            "replicas": replicas,
            "host": devices.host(),
            "data_service": data_service,
        }
        if validation is not None:
            parts.resolved_classes(recipe, validation)
            # Ten views would cost ten times as much, after every epoch.
            tested = recipe if images is None else recipe.replace(test_views="one")
            self._validation = evaluation_batches(
                tested,
                validation,
                unreadable=self._watchers[-1],
                replicas=replicas,
                host=devices.host(),
            )

    @property
    def evaluates(self) -> bool:
        """Whether there is anything to evaluate on."""
        return self._validation is not None

    @property
    def notes(self) -> dict[str, int]:
        """What to keep with every save: how many images could not be read."""
        return {"unreadable": len(self._watchers[0].reasons)}

    def resume(self, notes: Mapping[str, int]) -> None:
        """Takes up what a save kept."""
        self._all_readable = not notes.get("unreadable")

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
        with self._watchers[0].named(), self._watchers[-1].named():
            batches = training_batches(
                self._recipe,
                self._images,
                first_epoch=first_epoch,
                first_batch=first_batch,
                all_readable=self._all_readable,
                unreadable=self._watchers[0],
                **self._numbers,
            )
            yield {"x": batches, "validation_data": self._validation}

    @contextlib.contextmanager
    def evaluation(self, model: keras.Model) -> Iterator[Any]:
        """Inside, the compiled model can be evaluated on what this yields."""
        with self._watchers[-1].named():
            yield self._validation

    def examined(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The pictures that `evaluation` shows, uint8 [n, size, size, 3], and their targets [n, classes]."""
        with self._watchers[-1].named():
            yield from self._validation.as_numpy_iterator()

    def names(self, places: Collection[int]) -> dict[int, str]:
        """What pictures of `examined` are called, by their places there, once all were seen."""
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
        """The pictures of the first batches, uint8 [rows, batch, size, size, 3]."""
        watcher = self._watchers[0]
        batches = training_batches(
            self._recipe, self._images, first_epoch=0, unreadable=watcher, **self._numbers
        )
        with watcher.named():
            return np.stack([images for images, _ in batches.take(rows).as_numpy_iterator()])

    def stages(self) -> list[Stage]:
        """The first batch as decoded and after each ingredient."""
        numbers = self._numbers
        return stages(self._recipe, self._images, seed=numbers["seed"])

    def first_images(self, count: int) -> np.ndarray:
        """At most so many of the training images as an evaluation sees them, uint8 [n, size, size, 3]."""
        recipe, watcher = self._recipe.replace(test_views="one"), self._watchers[0]
        batches = evaluation_batches(recipe, self._images, unreadable=watcher)
        with watcher.named():
            images = batches.map(lambda pictures, targets: pictures).unbatch().take(count)
            return np.stack(list(images.as_numpy_iterator()))
