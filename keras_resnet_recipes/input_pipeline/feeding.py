"""Batches as Keras takes them: a tf.data.Dataset on TensorFlow, which it can distribute, arrays elsewhere."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches

if TYPE_CHECKING:
    import tensorflow as tf


class Feeding:
    """Hands batches to Keras, and keeps what goes wrong while they are made."""

    def __init__(self) -> None:
        self._failures: list[Exception] = []

    def training(
        self, batches: Callable[[], Iterator[Any]], shapes: tuple[tuple[int, ...], ...]
    ) -> Any:
        """What `Model.fit` takes as `x`, of all epochs one after another.

        Args:
            batches: Begins with the first of them: Keras looks at one, and begins again.
            shapes: Shapes of images and targets, those of the batch included.
        """
        if keras.backend.backend() != "tensorflow":
            # What Keras looked at it keeps.
            return batches()
        import tensorflow as tf

        types = (tf.uint8, tf.float32)
        signature = tuple(map(tf.TensorSpec, shapes, types))
        return self._dataset(batches, signature)

    def evaluation(self, batches: EvaluationBatches) -> Any:
        """What `Model.evaluate` and `validation_data` take; it can be iterated again and again."""
        if keras.backend.backend() != "tensorflow":
            return _Evaluated(batches)
        # What holds no image has weights, and nothing to say.
        return self._dataset(
            lambda: (batch for batch in batches if batches.filled or len(batch) == 2),
            _signature(batches),
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

    def _dataset(self, batches: Callable[[], Iterator[Any]], signature: Any) -> "tf.data.Dataset":
        import tensorflow as tf

        def kept() -> Iterator[Any]:
            try:
                yield from batches()
            except Exception as error:
                self._failures.append(error)
                raise

        dataset = tf.data.Dataset.from_generator(kept, output_signature=signature)
        options = tf.data.Options()
        # One process makes everything; TensorFlow would only warn that it cannot shard this by files.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return dataset.prefetch(1).with_options(options)


def _signature(batches: EvaluationBatches) -> tuple[Any, ...]:
    """The shapes and types of the batches of an evaluation."""
    import tensorflow as tf

    size = batches.batch // batches.hosts if batches.filled else None
    whole = len(batches.shapes) > 1
    images = tuple(
        tf.TensorSpec((size, *((None, None, 3) if whole else shape)), tf.uint8)
        for shape in batches.shapes
    )
    targets = tf.TensorSpec((size, batches.classes), tf.float32)
    weights = [tf.TensorSpec((size,), tf.float32)] if batches.filled else []
    return images if whole else images[0], targets, *weights


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
