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


def training_input(batches: Iterator[Any], shapes: tuple[tuple[int, ...], ...]) -> Any:
    """What `Model.fit` takes as `x`, of all epochs one after another.

    Args:
        batches: Images and targets.
        shapes: Their shapes, those of the batch included.
    """
    if keras.backend.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    types = (tf.uint8, tf.float32)
    signature = tuple(map(tf.TensorSpec, shapes, types))
    return _tensorflow_dataset(lambda: batches, signature)


def evaluation_input(batches: EvaluationBatches) -> Any:
    """What `Model.evaluate` and `validation_data` take; it can be iterated again and again."""
    if keras.backend.backend() != "tensorflow":
        return _Evaluated(batches)
    import tensorflow as tf

    size = batches.batch // batches.hosts if batches.filled else None
    whole = len(batches.shapes) > 1
    images = tuple(
        tf.TensorSpec((size, *((None, None, 3) if whole else shape)), tf.uint8)
        for shape in batches.shapes
    )
    signature = (
        images if whole else images[0],
        tf.TensorSpec((size, batches.classes), tf.float32),
        *([tf.TensorSpec((size,), tf.float32)] if batches.filled else []),
    )

    def with_images() -> Iterator[Any]:
        # What holds none has weights, and nothing to say.
        return (batch for batch in batches if batches.filled or len(batch) == 2)

    return _tensorflow_dataset(with_images, signature)


def _tensorflow_dataset(batches: Callable[[], Iterator[Any]], signature: Any) -> "tf.data.Dataset":
    import tensorflow as tf

    def kept() -> Iterator[Any]:
        # TensorFlow makes a message of an exception, with all that led to it.
        try:
            yield from batches()
        except Exception as error:
            _failures.append(error)
            raise

    dataset = tf.data.Dataset.from_generator(kept, output_signature=signature)
    options = tf.data.Options()
    # One process makes everything; TensorFlow would only warn that it cannot shard this by files.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.prefetch(1).with_options(options)


_failures: list[Exception] = []


@contextlib.contextmanager
def own_errors() -> Iterator[None]:
    """Raises what went wrong when a batch was made as it was raised there, not as TensorFlow reports it."""
    _failures.clear()
    try:
        with warnings.catch_warnings():
            # Keras warns at the end of data whose number of batches it cannot know, which on TensorFlow is so of all.
            warnings.filterwarnings("ignore", "Your input ran out of data")
            yield
    except Exception:
        if _failures:
            raise _failures.pop() from None
        raise


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
