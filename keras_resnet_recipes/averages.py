"""Exponential moving average (EMA) of a network's weights."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.distribution import average_statistics

# Of the number of updates that the averages have followed.
_NOT_STARTED = -1


class MovingAverage:
    """Exponential moving average (EMA) of all weights of a network, BatchNorm statistics included.

    Give it to `krr.TrainingModel`, whose training step moves it. From the end of an epoch, its validation
    included, to the beginning of the next one, and after training, the network's weights are the averages:
    callbacks such as `ModelCheckpoint` and `EarlyStopping` see what was evaluated. After
    updates 1, 1 + every, 1 + 2 every, ... of the optimizer, for each weight w and its average a,
    which starts as the initial w:

        a <- decay a + (1 - decay) w           after an update beyond `copy_updates`
        a <- w                                 before

    An update that the optimizer skips, such as one that overflows float16, does not count. The averages are
    variables of the optimizer, so `save_weights` and `krr.runs.RunFolder` save and restore them. They
    are float32 even where a weight is float16; an integer weight is copied.

    `use_ema` of Keras' optimizers differs: it averages the trainable weights only, next to the
    BatchNorm statistics of other weights; it does so after every update; and its average is
    seen at the end of `fit` only (or by `keras.callbacks.SwapEMAWeights`).

    On several replicas each averages its own BatchNorm statistics; evaluations see their mean.

    Args:
        decay: Decay of one step of the average, in 0 <= decay < 1.
        every: Updates per step of the average, at least 1.
        copy_updates: Updates up to which the weights are copied, at least 0.
        steps_per_epoch: Updates per epoch, at least 1; each epoch then counts its updates from 1.
            None counts from the first epoch on.

    Raises:
        ValueError: If a number is outside its range.

    Example:
        >>> import numpy as np
        >>> import keras_resnet_recipes as krr
        >>> network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> network.set_weights([np.array([[2.0]])])
        >>> average = krr.averages.MovingAverage(decay=0.75)
        >>> model = krr.TrainingModel(network, average=average)
        >>> model.compile(keras.optimizers.SGD(0.5), "mse")
        >>> x = np.ones((1, 1), "float32")  # one update: 2 - 0.5 * 2 * (2 - 0) = 0
        >>> _ = model.fit(x, 0 * x, verbose=0)
        >>> average.finish()
        >>> print(network.get_weights()[0])  # 0.75 * 2 + 0.25 * 0
        [[1.5]]

    References:
        - `ModelEmaV2` of timm (huggingface/pytorch-image-models) is `MovingAverage(decay)`.
        - torchvision's training script, with S updates per epoch, w warm-up epochs and its decay, is
          `MovingAverage(decay, every=32, copy_updates=w * S + 1, steps_per_epoch=S)`.
        - davidcpage/cifar10-fast is `MovingAverage(0.99**5, every=5)`.
    """

    def __init__(
        self,
        decay: float,
        every: int = 1,
        copy_updates: int = 0,
        steps_per_epoch: int | None = None,
    ) -> None:
        if not isinstance(decay, float | int) or not 0 <= decay < 1:
            raise ValueError(f"`decay` must be at least 0 and below 1. Received: decay={decay!r}")
        for name, least in {"every": 1, "copy_updates": 0, "steps_per_epoch": 1}.items():
            value = locals()[name]
            if name == "steps_per_epoch" and value is None:
                continue
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"`{name}` must be an integer at least {least}. Received: {name}={value!r}"
                )
        self.decay = decay
        self.every = every
        self.copy_updates = copy_updates
        self.steps_per_epoch = steps_per_epoch
        self._averages: list[Any] = []
        self._followed: Any = None
        self._averaged: keras.Model | None = None
        self._optimizer: keras.optimizers.Optimizer | None = None
        # The weights of the training while the averages are in place.
        self._trained: list[list[Any]] = []

    def build(self, network: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
        """Creates the averages as variables of an optimizer; with another optimizer they start again.

        Args:
            network: A model that is built.
            optimizer: Its optimizer.

        Raises:
            ValueError: If the network has no weights yet.
        """
        if not network.built:
            raise ValueError(
                f"`network` must be built before its weights are averaged. Received: {network.name!r}"
            )
        if self._averages and self._optimizer is _innermost(optimizer):
            return
        self.remove()
        self._averaged = network
        with _scope(network):
            optimizer.build(network.trainable_variables)
            self._optimizer = _innermost(optimizer)
            self._followed = self._optimizer.add_variable(
                (), dtype="int32", aggregation="only_first_replica", name="averaged_updates"
            )
            self._averages = [
                self._optimizer.add_variable(weight.shape, dtype=_wide(weight), name="average")
                for weight in network.weights
            ]
        self._followed.assign(_NOT_STARTED)

    def start(self) -> None:
        """Puts the trained weights in place; before the first update the averages become copies of them."""
        self.put_back()
        if self._averages and int(ops.convert_to_numpy(self._followed)) == _NOT_STARTED:
            for average, weight in zip(self._averages, self._averaged.weights, strict=True):
                average.assign(ops.convert_to_numpy(weight))
            self._followed.assign(self._updates())

    def follow(self) -> None:
        """Moves the averages if the optimizer has made an update since the last call and one is due.

        Called in the training step, after the optimizer; on JAX inside a `keras.StatelessScope`.
        """
        if not self._averages:
            return
        updates = self._updates()
        weights = [ops.convert_to_tensor(weight) for weight in self._averaged.weights]
        old = [ops.convert_to_tensor(average) for average in self._averages]
        values = ops.cond(
            self._is_due(updates), lambda: self._moved(updates, old, weights), lambda: old
        )
        for average, value in zip(self._averages, values, strict=True):
            average.assign(value)
        self._followed.assign(updates)

    def put(self) -> None:
        """Puts the averages in place of the network's weights, which `put_back` restores."""
        if not self._averages or self._trained:
            return
        self.start()
        weights = self._averaged.weights
        trained = [[ops.copy(copy) for copy in _copies(weight)] for weight in weights]
        # Known before anything changes: an interrupt may come at any line.
        self._trained = trained
        for weight, average in zip(weights, self._averages, strict=True):
            for ours, theirs in zip(_copies(weight), _copies(average), strict=True):
                # A copy: JAX donates the memory of weights to the step.
                ours.assign(ops.copy(ops.cast(theirs, weight.dtype)))
        average_statistics(self._averaged)

    def put_back(self) -> None:
        """Restores the trained weights, if the averages are in place."""
        for weight, values in zip(
            self._averaged.weights if self._trained else [], self._trained, strict=True
        ):
            for ours, value in zip(_copies(weight), values, strict=True):
                ours.assign(value)
        self._trained = []

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Context manager: the network's weights are the averages."""
        already = bool(self._trained)
        try:
            self.put()
            yield
        finally:
            if not already:
                self.put_back()

    @contextlib.contextmanager
    def trained_in_place(self) -> Iterator[None]:
        """Context manager: the network's weights are those of the training."""
        averaged = bool(self._trained)
        try:
            self.put_back()
            yield
        finally:
            if averaged:
                self.put()

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Context manager: the optimizer is without the averages, as in a file for other uses."""
        variables = self._variables
        for variable in variables:
            self._optimizer._untrack_variable(variable)
        try:
            yield
        finally:
            for variable in variables:
                self._optimizer._track_variable(variable)

    def finish(self) -> None:
        """Keeps the averages, or what was set in their place after training, as weights, and removes the averages."""
        self.put()
        self._trained = []
        self.remove()

    def remove(self) -> None:
        """Restores the trained weights, if the averages are in place, and removes the averages from the optimizer."""
        self.put_back()
        for variable in self._variables:
            self._optimizer._untrack_variable(variable)
        self._averages = []

    @property
    def _variables(self) -> list[Any]:
        return [self._followed, *self._averages] if self._averages else []

    def _updates(self) -> Any:
        """Updates that the optimizer has made, int32."""
        # Keras' own accumulation counts batches.
        batches = self._optimizer.gradient_accumulation_steps or 1
        iterations = ops.convert_to_tensor(self._optimizer._iterations)
        return ops.floor_divide(ops.cast(iterations, "int32"), batches)

    def _is_due(self, updates: Any) -> Any:
        index = updates - 1
        if self.steps_per_epoch is not None:
            index = ops.mod(index, self.steps_per_epoch)
        updated = updates > ops.maximum(ops.convert_to_tensor(self._followed), 0)
        return ops.logical_and(updated, ops.equal(ops.mod(index, self.every), 0))

    def _moved(self, updates: Any, averages: list[Any], weights: list[Any]) -> list[Any]:
        rate = ops.where(updates <= self.copy_updates, 1.0, 1.0 - self.decay)
        return [
            _towards(average, ops.cast(weight, average.dtype), rate)
            for average, weight in zip(averages, weights, strict=True)
        ]


def _towards(average: Any, weight: Any, rate: Any) -> Any:
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(average.dtype)):
        return weight
    return average + ops.cast(rate, average.dtype) * (weight - average)


def _wide(weight: Any) -> str:
    # A thousandth of a difference is lost in the eight bits of bfloat16.
    dtype = keras.backend.standardize_dtype(weight.dtype)
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _innermost(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _scope(model: keras.Model) -> contextlib.AbstractContextManager[Any]:
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _copies(variable: Any) -> list[Any]:
    """A variable's copies, one on each replica."""
    if keras.backend.backend() != "tensorflow":
        return [variable]
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    own = getattr(variable.value, "_distribute_strategy", None) or strategy
    return list(own.experimental_local_results(variable.value))
