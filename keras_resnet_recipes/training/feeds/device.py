"""Batches made on the device: the data set lies in its memory, and a step gets augmentation parameters."""

import contextlib
import itertools
import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.data import ImageDataset
from keras_resnet_recipes.data.arrays import ImageArrays
from keras_resnet_recipes.input_pipeline.snapshots import Snapshot, label_caption
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.checks import check_in_memory, resolved_classes
from keras_resnet_recipes.training.feeds.parameters import (
    after_each,
    augmented,
    described,
    drawn_parameters,
    targets,
)


class Feed:
    """Feeds a model with augmentation parameters, of which its step makes images: gathers, crops, flips, cuts out.

    TensorFlow and torch refer to the images from within the step. On JAX they would become
    constants of the program, 300 MB for CIFAR-10; there they are passed with the parameters of every step.

    Args:
        recipe: The recipe, its `classes` known.
        images: Training data; None to evaluate only.
        validation: Evaluation data, if any.
        steps: Updates per epoch.
        seed: Seed of order and augmentation.
        replicas: Devices; must be 1.

    Raises:
        ValueError: If there are several devices, or images are of another size than the recipe's.
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
    ) -> None:
        _check(replicas)
        self._recipe, self._seed = recipe, seed
        self._images, self._validation = _arrays(images), _arrays(validation)
        self._batches = steps * recipe.gradient_accumulation_steps
        self._train = self._test = None
        if images is not None:
            self._train = _on_device(self._images, recipe.train_size, "train_size")
        if validation is not None:
            resolved_classes(recipe, validation)
            self._test = _on_device(self._validation, recipe.test.size, "test_size")

    @property
    def evaluates(self) -> bool:
        """Whether there is evaluation data."""
        return self._validation is not None

    @property
    def step(self) -> dict[str, Any]:
        """Arguments of `TrainingModel`: how it makes images and targets."""
        return {
            "train_inputs": self._train and self._train_inputs(),
            "test_inputs": self._test and self._test_inputs(),
            "test_views": "one" if self._train is None else self._recipe.test.views,
        }

    @property
    def epoch_in_one_call(self) -> bool:
        """Whether a call of the compiled step may take all steps of an epoch."""
        return keras.backend.backend() != "torch"

    def warn(self) -> None:
        """Warns of images that could not be read: there are none."""

    @contextlib.contextmanager
    def training(self, *, first_epoch: int, first_batch: int) -> Iterator[dict[str, Any]]:
        """Context manager: yields the arguments `x` and `validation_data` of `fit`.

        Args:
            first_epoch: First epoch, from 0.
            first_batch: First batch of each epoch; not 0 for the rest of one epoch only.
        """

        def parameters(epoch: int) -> np.ndarray:
            count = self._batches * self._batch_size
            return self._drawn(count, epoch)[first_batch * self._batch_size :]

        yield {
            "x": _Batches(parameters, self._batch_size, first_epoch, self._train),
            "validation_data": self._evaluated(),
        }

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[Any]:
        """Context manager: yields the data that `evaluate` takes."""
        yield self._evaluated()

    def examined(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the images of `evaluation`, uint8 [n, size, size, 3], and their targets [n, classes]."""
        images, labels = self._validation.rgb(), self._validation.labels
        size = _even_batch(len(images), self._recipe.batch_size)
        for begin in range(0, len(images), size):
            made = targets(self._recipe, ops.convert_to_tensor(labels[begin : begin + size]))
            yield images[begin : begin + size], ops.convert_to_numpy(made)

    def indices(self, positions: Collection[int]) -> dict[int, int]:
        """Returns indices of images in the data by their positions in `examined`."""
        return {position: position for position in positions}

    def previewed(self, rows: int) -> np.ndarray:
        """Returns the images of the first batches, uint8 [rows, batch, size, size, 3]."""
        size = self._recipe.batch_size
        drawn = self._drawn(rows * size)
        made = augmented(self._recipe, ops.convert_to_tensor(drawn), self._train[0])
        return _as_bytes(made).reshape(rows, size, *made.shape[1:])

    def snapshots(self) -> list[Snapshot]:
        """Returns the first batch as given and after each ingredient."""
        drawn = self._drawn(self._recipe.batch_size)
        labels = ops.convert_to_numpy(self._train[1])[drawn[:, 0]]
        made = after_each(self._recipe, ops.convert_to_tensor(drawn), self._train[0])
        return [
            Snapshot(
                step or "as given",
                _as_bytes(images),
                [described(self._recipe, step, row) for row in drawn]
                if step
                else [label_caption(label, None) for label in labels],
            )
            for step, images in made
        ]

    def first_images(self, count: int) -> np.ndarray:
        """At most so many of the training images, uint8 [n, size, size, 3]."""
        return self._images.rgb()[:count]

    def _drawn(self, count: int, epoch: int = 0) -> np.ndarray:
        data, numbers = self._images, {"count": count, "seed": self._seed, "epoch": epoch}
        return drawn_parameters(self._recipe, data.images.shape, data.labels, **numbers)

    @property
    def _batch_size(self) -> int:
        return self._recipe.batch_size // self._recipe.gradient_accumulation_steps

    def _train_inputs(self) -> Callable[..., tuple[Any, Any]]:
        recipe, arrays, size = self._recipe, self._train, self._batch_size

        def inputs(parameters: Any, arrays: tuple[Any, Any] | None = arrays) -> tuple[Any, Any]:
            images, labels = arrays
            # Keras leaves the size of a batch open.
            parameters = ops.reshape(parameters, (size, 6))
            smoothing = recipe.loss.label_smoothing
            made = targets(recipe, ops.take(labels, parameters[:, 0], axis=0), smoothing)
            return augmented(recipe, parameters, images), made

        return inputs

    def _test_inputs(self) -> Callable[..., tuple[Any, Any]]:
        recipe, arrays = self._recipe, self._test

        def inputs(indices: Any, arrays: tuple[Any, Any] | None = arrays) -> tuple[Any, Any]:
            images, labels = arrays
            labels = ops.take(labels, indices, axis=0)
            return ops.take(images, indices, axis=0), targets(recipe, labels)

        return inputs

    def _evaluated(self) -> "_Batches | None":
        if self._validation is None:
            return None
        count = self._validation.size
        numbers = np.arange(count, dtype=np.int32)
        size = _even_batch(count, self._recipe.batch_size)
        return _Batches(lambda epoch: numbers, size, 0, self._test)


class _Batches(keras.utils.PyDataset):
    """The parameters of an epoch in batches; on JAX with the arrays that they index."""

    def __init__(
        self,
        parameters: Callable[[int], np.ndarray],
        size: int,
        first_epoch: int,
        arrays: tuple[Any, Any],
    ) -> None:
        super().__init__()
        self._drawn, self._size, self._epochs = parameters, size, itertools.count(first_epoch)
        self._arrays = (arrays,) if keras.backend.backend() == "jax" else ()
        # Keras asks for shapes before the first epoch begins.
        self._parameters = parameters(first_epoch)

    @property
    def num_batches(self) -> int:
        """Batches per epoch."""
        return -(-len(self._parameters) // self._size)

    def __getitem__(self, batch: int) -> tuple[Any, ...]:
        return self._parameters[batch * self._size : (batch + 1) * self._size], *self._arrays

    def on_epoch_begin(self) -> None:
        """Draws the parameters of the next epoch."""
        self._parameters = self._drawn(next(self._epochs))


def _as_bytes(images: Any) -> np.ndarray:
    return np.rint(ops.convert_to_numpy(images)).astype(np.uint8)


def _arrays(data: ImageDataset | None) -> ImageArrays | None:
    if data is None:
        return None
    check_in_memory(data)
    return data.arrays


def _on_device(data: ImageArrays, size: int, name: str) -> tuple[Any, Any]:
    if data.images.shape[1:3] != (size, size):
        height, width = data.images.shape[1:3]
        raise ValueError(
            f"`{name}` must be the size of the images with data_on_device=True. Received: {name}={size} for images of "
            f"{data.name}, {height} x {width} pixels. data_on_device=False resizes them."
        )
    try:
        return ops.convert_to_tensor(data.rgb()), ops.convert_to_tensor(
            data.labels.astype(np.int32)
        )
    except Exception as error:
        # Each backend has its own error for it.
        full = ("resource_exhausted", "resource exhausted", "out of memory", "unable to allocate")
        words = f"{type(error).__name__} {error}".lower()
        if not isinstance(error, MemoryError) and not any(word in words for word in full):
            raise
        size = math.prod((*data.images.shape[:3], 3)) / 1e9
        raise ValueError(
            f"`data_on_device` must be False for {data.name}: its {size:.1f} GB do not fit into the memory of the "
            "device. Received: data_on_device=True"
        ) from error


def _even_batch(count: int, largest: int) -> int:
    """Returns a size that divides `count`, if there is a large one: a smaller last batch needs another compilation."""
    sizes = range(min(count, largest), largest // 2, -1)
    return next((size for size in sizes if not count % size), min(count, largest))


def _check(replicas: int) -> None:
    if replicas > 1:
        raise ValueError(
            "`distribution` must be 'none' with data_on_device=True, which trains on one device. "
            f"Received: {replicas} devices"
        )
