"""Batches as Keras takes them: a tf.data.Dataset on TensorFlow, which it can distribute, arrays elsewhere."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches, Shape

if TYPE_CHECKING:
    import tensorflow as tf


class Feeding:
    """Hands batches to Keras, and keeps what goes wrong while they are made."""

    def __init__(self) -> None:
        self._failures: list[Exception] = []

    def training(self, batches: Callable[[], Iterator[Any]], images: Shape, targets: Shape) -> Any:
        """What `Model.fit` takes as `x`, of all epochs one after another.

        Args:
            batches: Begins with the first of them: Keras looks at one, and begins again.
            images: Shape of the images of a batch.
            targets: Shape of its targets.
        """
        if keras.backend.backend() != "tensorflow":
            # What Keras looked at it keeps.
            return batches()
        return self._dataset(batches, [images], [targets])

    def evaluation(self, batches: EvaluationBatches) -> Any:
        """What `Model.evaluate` and `validation_data` take; it can be iterated again and again."""
        if keras.backend.backend() != "tensorflow":
            return _Evaluated(batches)
        size = batches.size if batches.filled else None
        weights = [(size,)] if batches.filled else []
        return self._dataset(
            # What holds no image has weights, and nothing to say.
            lambda: (batch for batch in batches if batches.filled or len(batch) == 2),
            [(size, *shape) for shape in batches.shapes],
            [(size, batches.classes), *weights],
        )

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Raises what went wrong when a batch was made as it was raised there, not as TensorFlow reports it."""
        self._failures.clear()
        try:
            with warnings.catch_warnings():
                # Of data whose number of batches it cannot know, as of all on TensorFlow.
                warnings.filterwarnings("ignore", "Your input ran out of data")
                yield
        except Exception:
            if self._failures:
                raise self._failures[0] from None
            raise

    def _dataset(
        self, batches: Callable[[], Iterator[Any]], images: list[Shape], numbers: list[Shape]
    ) -> "tf.data.Dataset":
        """A tf.data.Dataset of batches: images of one shape or a tuple of several, targets, perhaps weights."""
        import tensorflow as tf

        def kept() -> Iterator[Any]:
            try:
                yield from batches()
            except Exception as error:
                self._failures.append(error)
                raise

        views = tuple(tf.TensorSpec(shape, tf.uint8) for shape in images)
        numbers = [tf.TensorSpec(shape, tf.float32) for shape in numbers]
        signature = (views if len(views) > 1 else views[0], *numbers)
        dataset = tf.data.Dataset.from_generator(kept, output_signature=signature)
        options = tf.data.Options()
        # One process makes everything; TensorFlow would only warn that it cannot shard this by files.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return dataset.prefetch(1).with_options(options)


class _Evaluated(keras.utils.PyDataset):
    """The batches of an evaluation, which Keras asks for one after another."""

    def __init__(self, batches: EvaluationBatches) -> None:
        super().__init__()
        self._batches, self._iterator = batches, None

    @property
    def num_batches(self) -> int:
        """Batches of an evaluation."""
        return len(self._batches)

    def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
        if number == 0:
            self._iterator = iter(self._batches)
        return next(self._iterator)
