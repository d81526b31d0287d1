"""Batches in the form that Keras takes: a tf.data.Dataset on TensorFlow, which it can distribute, else arrays."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches, Shape

if TYPE_CHECKING:
    import tensorflow as tf


class KerasData:
    """Passes batches to Keras, and records errors raised while they are made."""

    def __init__(self) -> None:
        self._failures: list[Exception] = []

    def training(self, batches: Callable[[], Iterator[Any]], images: Shape, targets: Shape) -> Any:
        """Returns the batches of all epochs, as `x` of `Model.fit`.

        Args:
            batches: Returns an iterator from the first batch on: Keras inspects one batch and starts again.
            images: Shape of the images of a batch.
            targets: Shape of the targets of a batch.
        """
        if keras.backend.backend() != "tensorflow":
            # Here Keras does not drop the batch that it inspected.
            return batches()
        return self._dataset(batches, [images], [targets])

    def evaluation(self, batches: EvaluationBatches) -> Any:
        """Returns the batches in the form for `Model.evaluate` and `validation_data`, which iterate repeatedly."""
        if keras.backend.backend() != "tensorflow":
            return _Evaluated(batches)
        size = batches.size if batches.filled else None
        weights = [(size,)] if batches.filled else []
        return self._dataset(
            # Without padding, a batch with weights contains no image, and is dropped.
            lambda: (batch for batch in batches if batches.filled or len(batch) == 2),
            [(size, *shape) for shape in batches.shapes],
            [(size, batches.classes), *weights],
        )

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Context manager: raises an error from making a batch in its original form, not as TensorFlow wraps it."""
        self._failures.clear()
        try:
            with warnings.catch_warnings():
                # Keras warns if the number of batches is unknown, as always here on TensorFlow.
                warnings.filterwarnings("ignore", "Your input ran out of data")
                yield
        except Exception:
            if self._failures:
                raise self._failures[0] from None
            raise

    def _dataset(
        self, batches: Callable[[], Iterator[Any]], images: list[Shape], numbers: list[Shape]
    ) -> "tf.data.Dataset":
        """Returns a tf.data.Dataset of batches: images (or a tuple of views), targets, and weights if any."""
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
        # One process makes all batches; TensorFlow would only warn that it cannot shard them by files.
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return dataset.prefetch(1).with_options(options)


class _Evaluated(keras.utils.PyDataset):
    """Evaluation batches, which Keras requests in order."""

    def __init__(self, batches: EvaluationBatches) -> None:
        super().__init__()
        self._batches, self._iterator = batches, None

    @property
    def num_batches(self) -> int:
        """Number of batches per evaluation."""
        return len(self._batches)

    def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
        if number == 0:
            self._iterator = iter(self._batches)
        return next(self._iterator)
