"""Training with the data set on the device: a step is given cards, and makes its pictures itself."""

import contextlib
import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.input_pipeline.stages import Stage, class_name
from keras_resnet_recipes.memory import ImageArrays, is_npz
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts
from keras_resnet_recipes.training.card_steps import steps_given, test_mirrored
from keras_resnet_recipes.training.cards import changes, described, drawn_cards, pictures, targets


def read(
    dataset: Any,
    *,
    split: str = "train",
    class_names: Sequence[str] | None = None,
    like: ImageArrays | None = None,
) -> ImageArrays:
    """Images and labels in memory, from what `Recipe.fit` takes.

    Args:
        dataset: A pair of arrays, the path of an .npz file, or an `ImageDataset` made of either.
        split: "train" or "validation", of an .npz file.
        class_names: Unused: the order of the classes is that of the labels.
        like: Unused for the same reason.

    Raises:
        ValueError: If it is none of these, or its images are not of one size.
    """
    if isinstance(dataset, tuple | list) and len(dataset) == 2:
        return ImageArrays("the arrays", *dataset)
    if is_npz(dataset):
        return ImageArrays.from_npz(dataset, split)
    arrays = getattr(dataset, "arrays", None)
    if isinstance(arrays, ImageArrays):
        return arrays
    received = repr(dataset) if isinstance(dataset, str) else type(dataset).__name__
    raise ValueError(
        "`dataset` must be arrays (x, y) or an .npz file with x_train, y_train, x_test and y_test where "
        f"data_on_device=True; received {received}. data_on_device=False takes anything."
    )


class Feed:
    """Has a model train and be tested on images that lie on its device.

    The model itself stays as it is: inside `training` and `evaluation` its steps take cards instead of
    pictures, and gather, crop, mirror and cut out before they go on as before.

    TensorFlow and torch refer to the images from within the step. JAX would make them a part of the
    program, 300 MB of constants for CIFAR-10; there the same arrays come with every step's cards.

    Args:
        recipe: The recipe, its `classes` known.
        images: What to train on; None to evaluate only.
        validation: What to evaluate on, if anything.
        steps: Updates of an epoch.
        seed: Seed of order and augmentation.
        replicas: Devices; this takes one.
        batches_per_call: After how many batches (with accumulation, parts of one) callbacks must
            have their turn; None for once an epoch.

    Raises:
        ValueError: If there are several devices, or images are of another size than the recipe's.
    """

    def __init__(
        self,
        recipe: BaseRecipe,
        images: ImageArrays | None,
        validation: ImageArrays | None,
        *,
        steps: int = 0,
        seed: int = 0,
        replicas: int = 1,
        batches_per_call: int | None = None,
    ) -> None:
        _check(replicas)
        self._recipe, self._images, self._validation = recipe, images, validation
        self._seed, self._batches_per_call = seed, batches_per_call
        self._batches = steps * recipe.gradient_accumulation_steps
        self._train = self._test = None
        if images is not None:
            self._train = _on_device(images, recipe.train_size, "train_size")
        if validation is not None:
            parts.resolved_classes(recipe, validation)
            self._test = _on_device(validation, recipe.test.size, "test_size")

    @property
    def evaluates(self) -> bool:
        """Whether there is anything to evaluate on."""
        return self._validation is not None

    @property
    def notes(self) -> dict[str, int]:
        """What to keep with every save: nothing."""
        return {}

    def resume(self, notes: Mapping[str, int]) -> None:
        """Takes up what a save kept: nothing."""

    def warn(self) -> None:
        """Warns of images that could not be read: there are none."""

    @contextlib.contextmanager
    def training(
        self, model: keras.Model, *, first_epoch: int, first_batch: int
    ) -> Iterator[dict[str, Any]]:
        """Inside, the compiled model can be fitted to what this yields.

        Args:
            model: The model.
            first_epoch: Epoch to begin with, from 0.
            first_batch: Batch of each epoch to begin with; not 0 for the rest of one epoch only.

        Yields:
            Arguments of `fit`: `x` and `validation_data`.
        """
        recipe = self._recipe
        size = recipe.batch_size // recipe.gradient_accumulation_steps

        def cards(epoch: int) -> np.ndarray:
            count = self._batches * size
            drawn = drawn_cards(
                recipe, self._images.images.shape, count=count, seed=self._seed, epoch=epoch
            )
            return drawn[first_batch * size :]

        # Saves are due at multiples of it, wherever the epoch goes on.
        calls = math.gcd(self._batches_per_call or self._batches, first_batch)
        calls = 1 if keras.backend.backend() == "torch" else calls
        steps = {"train_step": self._train_inputs(size), "test_step": self._test_inputs()}
        twice = recipe.test.views == "mirrored"
        with (
            test_mirrored(model) if twice else contextlib.nullcontext(),
            steps_given(model, steps, calls),
        ):
            yield {
                "x": _Batches(cards, size, first_epoch, self._train),
                "validation_data": self._evaluated(),
            }

    @contextlib.contextmanager
    def evaluation(self, model: keras.Model) -> Iterator[Any]:
        """Inside, the compiled model can be evaluated on what this yields."""
        with steps_given(model, {"test_step": self._test_inputs()}, 1):
            yield self._evaluated()

    def examined(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The pictures that `evaluation` shows, uint8 [n, size, size, 3], and their targets [n, classes]."""
        images, labels = self._validation.rgb(), self._validation.labels
        size = _even_batch(len(images), self._recipe.batch_size)
        for begin in range(0, len(images), size):
            made = targets(self._recipe, ops.convert_to_tensor(labels[begin : begin + size]))
            yield images[begin : begin + size], ops.convert_to_numpy(made)

    def names(self, places: Collection[int]) -> dict[int, str]:
        """What pictures of `examined` are called, by their places there."""
        return {place: f"image {place} of {self._validation.name}" for place in places}

    def previewed(self, rows: int) -> np.ndarray:
        """The pictures of the first batches, uint8 [rows, batch, size, size, 3]."""
        shape, size = self._images.images.shape, self._recipe.batch_size
        cards = drawn_cards(self._recipe, shape, count=rows * size, seed=self._seed, epoch=0)
        made = pictures(self._recipe, ops.convert_to_tensor(cards), self._train[0])
        return _as_bytes(made).reshape(rows, size, *made.shape[1:])

    def stages(self) -> list[Stage]:
        """The first batch as it lies on the device and after each ingredient."""
        count = self._recipe.batch_size
        shape = self._images.images.shape
        cards = drawn_cards(self._recipe, shape, count=count, seed=self._seed, epoch=0)
        labels = ops.convert_to_numpy(self._train[1])[cards[:, 0]]
        made = changes(self._recipe, ops.convert_to_tensor(cards), self._train[0])
        return [
            Stage(
                step or "as given",
                _as_bytes(pictures),
                [described(self._recipe, step, card) for card in cards]
                if step
                else [class_name(label, None) for label in labels],
            )
            for step, pictures in made
        ]

    def first_images(self, count: int) -> np.ndarray:
        """At most so many of the training images, uint8 [n, size, size, 3]."""
        return self._images.rgb()[:count]

    def _train_inputs(self, size: int) -> Callable[..., tuple[Any, Any]]:
        recipe, arrays = self._recipe, self._train

        def inputs(cards: Any, arrays: tuple[Any, Any] | None = arrays) -> tuple[Any, Any]:
            images, labels = arrays
            # Keras leaves the size of a batch open.
            cards = ops.reshape(cards, (size, 6))
            made = targets(recipe, ops.take(labels, cards[:, 0]), recipe.loss.label_smoothing)
            return pictures(recipe, cards, images), made

        return inputs

    def _test_inputs(self) -> Callable[..., tuple[Any, Any]]:
        recipe, arrays = self._recipe, self._test

        def inputs(cards: Any, arrays: tuple[Any, Any] | None = arrays) -> tuple[Any, Any]:
            images, labels = arrays
            return ops.take(images, cards, axis=0), targets(recipe, ops.take(labels, cards))

        return inputs

    def _evaluated(self) -> "_Batches | None":
        if self._validation is None:
            return None
        count = self._validation.size
        numbers = np.arange(count, dtype=np.int32)
        size = _even_batch(count, self._recipe.batch_size)
        return _Batches(lambda epoch: numbers, size, 0, self._test)


class _Batches(keras.utils.PyDataset):
    """The cards of an epoch in batches; with JAX, and the arrays that they tell of."""

    def __init__(
        self,
        cards: Callable[[int], np.ndarray],
        size: int,
        first_epoch: int,
        arrays: tuple[Any, Any],
    ) -> None:
        super().__init__()
        self._drawn, self._size, self._epochs = cards, size, itertools.count(first_epoch)
        self._arrays = (arrays,) if keras.backend.backend() == "jax" else ()
        # Keras asks for shapes before the first epoch begins.
        self._cards = cards(first_epoch)

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return -(-len(self._cards) // self._size)

    def __getitem__(self, batch: int) -> tuple[Any, ...]:
        return self._cards[batch * self._size : (batch + 1) * self._size], *self._arrays

    def on_epoch_begin(self) -> None:
        """Draws the next cards."""
        self._cards = self._drawn(next(self._epochs))


def _as_bytes(pictures: Any) -> np.ndarray:
    return np.rint(ops.convert_to_numpy(pictures)).astype(np.uint8)


def _on_device(data: ImageArrays, size: int, name: str) -> tuple[Any, Any]:
    if data.images.shape[1:3] != (size, size):
        height, width = data.images.shape[1:3]
        raise ValueError(
            f"`{name}` is {size}, and images of {data.name} are {height} x {width} pixels: with data_on_device=True "
            "they must be as the recipe says; data_on_device=False resizes."
        )
    try:
        return ops.convert_to_tensor(data.rgb()), ops.convert_to_tensor(
            data.labels.astype(np.int32)
        )
    except Exception as error:
        # Each backend has an error of its own for it.
        full = ("resource_exhausted", "resource exhausted", "out of memory", "unable to allocate")
        words = f"{type(error).__name__} {error}".lower()
        if not isinstance(error, MemoryError) and not any(word in words for word in full):
            raise
        size = math.prod((*data.images.shape[:3], 3)) / 1e9
        raise ValueError(
            f"`data_on_device` must be False for {data.name}: its {size:.1f} GB do not fit into the memory of the "
            "device; received True."
        ) from error


def _even_batch(count: int, largest: int) -> int:
    """A size that divides `count`, if there is a large one: a smaller last batch is compiled anew."""
    sizes = range(min(count, largest), largest // 2, -1)
    return next((size for size in sizes if not count % size), min(count, largest))


def _check(replicas: int) -> None:
    if replicas > 1:
        raise ValueError(
            f"`distribution` must be 'none' with data_on_device=True, which trains on one device; "
            f"there are {replicas}."
        )
