"""BatchNorm on several replicas: averaged or synchronized statistics."""

from collections.abc import Iterator
from typing import Any

import keras


class AveragedStatistics(keras.callbacks.Callback):
    """Averages the replicas' BatchNorm statistics before every evaluation and after every epoch.

    Under `tf.distribute` each replica normalizes with the mean and variance of its own shard of the batch
    and has its own moving averages; Keras 3.15 evaluates each replica with its own and saves the first's.
    Training does not change, because only evaluation uses the moving averages. Pass this callback before
    those that save the model.

    On one device, on JAX and on torch it does nothing.

    Raises:
        ValueError: At the start of training, if the model is on several replicas and compiled with
            `jit_compile=True`, with which TensorFlow cannot train it (keras-team/keras issue 20763).

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
        >>> model.compile("sgd", "mse")
        >>> x = np.ones((4, 2), "float32")
        >>> history = model.fit(x, x, callbacks=[AveragedStatistics()], verbose=0)

    References:
        `--dist-bn reduce` of timm (huggingface/pytorch-image-models), the default of its training
        script, with which "ResNet strikes back" was trained.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Raises an error for settings that would fail in the first step with an unhelpful message."""
        if _replicas(self.model) > 1 and self.model.jit_compile:
            raise ValueError(
                "`jit_compile` must be False or 'auto' under MirroredStrategy, because XLA cannot access the "
                "variables of several devices. Received: jit_compile=True"
            )

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Averages before an evaluation, which precedes the end of its epoch."""
        average_statistics(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Averages before callbacks save the model."""
        average_statistics(self.model)


def average_statistics(model: keras.Model) -> None:
    """Sets the BatchNorm moving averages of every replica to their mean over all replicas.

    Call it before saving a model during training on several replicas.

    Args:
        model: A model built in `scope`; other models are not changed.

    Example:
        >>> average_statistics(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    """
    if _replicas(model) == 1:
        return
    strategy = model.distribute_strategy
    for layer in _batch_norms(model):
        if not layer.synchronized:
            for variable in (layer.moving_mean.value, layer.moving_variance.value):
                own = [value.numpy() for value in strategy.experimental_local_results(variable)]
                variable.assign(sum(own) / len(own))


def synchronize_statistics(model: keras.Model) -> None:
    """Makes BatchNorm use the mean and variance of the whole batch, over all replicas.

    Call it before training. Every BatchNorm then waits for all replicas twice per step. On JAX this is the
    default, and on torch there is only one replica.

    Args:
        model: The model whose `keras.layers.BatchNormalization` layers are changed.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
        >>> synchronize_statistics(model)
        >>> model.layers[0].synchronized
        True
    """
    if keras.backend.backend() == "tensorflow":
        for layer in _batch_norms(model):
            layer.synchronized = True


def _replicas(model: keras.Model) -> int:
    strategy = getattr(model, "distribute_strategy", None)
    return 1 if strategy is None else strategy.num_replicas_in_sync


def _batch_norms(model: keras.Model) -> Iterator[keras.layers.BatchNormalization]:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
