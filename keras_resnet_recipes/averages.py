"""A moving average of a model's weights, with which it is evaluated and kept."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.distribution import average_statistics


class MovingAverage(keras.callbacks.Callback):
    """Averages all weights of a model while it trains, the statistics of the batch norm, too.

    After updates 1, 1 + every, 1 + 2 every, … of the optimizer, for each weight w and its average
    a, which starts as the w that training starts with:

        a <- decay a + (1 - decay) w           after an update beyond `copy_updates`
        a <- w                                 before

    This is done in the training step, on the device, also with `steps_per_execution`. Evaluations
    see the averages in the place of the weights; training does not. An update that is left out
    (overflow, or not finite) is none. `finish` puts the averages in place for good.

    The averages are variables of the optimizer, so `save_weights` and `callbacks.RunFolder` save
    and restore them. Where weights are restored before `fit`, call `build` before that. They are
    float32 even where a weight is float16; a weight of integers is copied.

    `use_ema` of Keras' optimizers differs: it averages the trainable weights only, which leaves
    the averages with batch norm statistics of other weights; it does so after every update; and its
    average is seen at the end of `fit` only (or by `keras.callbacks.SwapEMAWeights`).

    On several replicas each averages the statistics of its own batch norm, and what an evaluation
    sees is their mean.

    Args:
        decay: In 0 <= decay < 1, for one averaging.
        every: Updates from one averaging to the next, at least 1.
        copy_updates: Updates up to which the weights are copied; at least 0.
        steps_per_epoch: Updates of an epoch, at least 1; each epoch then counts its updates from 1
            anew. None counts through.

    Raises:
        ValueError: If a number is outside its range. From `build`, if the model is not built or
            not compiled.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile(keras.optimizers.SGD(0.5), "mse")
        >>> model.set_weights([np.array([[2.0]])])
        >>> average = MovingAverage(decay=0.75)
        >>> x = np.ones((1, 1), "float32")  # one update: 2 - 0.5 * 2 * (2 - 0) = 0
        >>> _ = model.fit(x, 0 * x, callbacks=[average], verbose=0)
        >>> average.finish()
        >>> print(model.get_weights()[0])  # 0.75 * 2 + 0.25 * 0
        [[1.5]]

    Source: `ModelEmaV2` of timm (huggingface/pytorch-image-models) is the plain
    `MovingAverage(decay)`. torchvision's training script, with an epoch of S updates, w epochs of
    warm-up and its decay, is `MovingAverage(decay, every=32, copy_updates=w * S + 1,
    steps_per_epoch=S)`. davidcpage/cifar10-fast is `MovingAverage(0.99**5, every=5)`.
    """

    def __init__(
        self,
        decay: float,
        every: int = 1,
        copy_updates: int = 0,
        steps_per_epoch: int | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must be at least 0 and below 1. Received: decay={decay!r}")
        for name, least in {"every": 1, "copy_updates": 0, "steps_per_epoch": 1}.items():
            value = locals()[name]
            if value is not None and value < least:
                raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value!r}")
        self.decay = decay
        self.every = every
        self.copy_updates = copy_updates
        self.steps_per_epoch = steps_per_epoch
        self._averages: list[Any] = []
        self._averaged: keras.Model | None = None
        self._optimizer: keras.optimizers.Optimizer | None = None
        self._weights: list[list[Any]] = []
        self._step: Any = None
        self._step_before: Any = None

    def set_model(self, model: keras.Model) -> None:
        """Takes the model that is trained or evaluated."""
        super().set_model(model)
        self.build(model)

    def build(self, model: keras.Model) -> None:
        """Makes the averages, once: copies of the weights.

        Args:
            model: The model, built and compiled; `fit` gives it by itself.
        """
        if not model.built or getattr(model, "optimizer", None) is None:
            raise ValueError("`model` must be built and compiled before its weights are averaged.")
        if self._averages and self._optimizer is _innermost(model.optimizer):
            return
        # One that is trained around it, as with a teacher, has further weights.
        self._averaged = model
        with _scope(model):
            model.optimizer.build(model.trainable_variables)
            self._optimizer = _innermost(model.optimizer)
            self._averages = [
                self._optimizer.add_variable(weight.shape, dtype=_wide(weight), name="average")
                for weight in model.weights
            ]
        for average, weight in zip(self._averages, model.weights, strict=True):
            average.assign(ops.convert_to_numpy(weight))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Has the training step average."""
        model = self.model
        if self._step is not None and vars(model).get("train_step") is self._step:
            return
        self._step_before, step = vars(model).get("train_step"), model.train_step
        if keras.backend.backend() == "jax":
            self._step = lambda state, data: self._train_step_of_jax(step, state, data)
        else:
            self._step = lambda data: self._train_step(step, data)
        model.train_step = self._step
        model.make_train_function(force=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Gives the model its own training step back."""
        del self.model.train_step
        if self._step_before is not None:
            self.model.train_step = self._step_before
        self._step = None
        # Keras keeps what it made of the step.
        self.model.train_function = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the averages in the place of the weights."""
        self._put()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the weights back."""
        self._put_back()

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the model's weights are the averages."""
        self._put()
        try:
            yield
        finally:
            self._put_back()

    def finish(self) -> None:
        """Makes the averages the model's weights, and takes them out of the optimizer."""
        self._put()
        for average in self._averages:
            self._optimizer._untrack_variable(average)
        self._averages, self._weights = [], []

    def _put(self) -> None:
        weights = self._averaged.weights
        self._weights = [[ops.copy(copy) for copy in _copies(weight)] for weight in weights]
        for weight, average in zip(weights, self._averages, strict=True):
            for ours, theirs in zip(_copies(weight), _copies(average), strict=True):
                # A copy, for JAX gives the memory of weights to the step.
                ours.assign(ops.copy(ops.cast(theirs, weight.dtype)))
        average_statistics(self._averaged)

    def _put_back(self) -> None:
        for weight, values in zip(self._averaged.weights, self._weights, strict=True):
            for ours, value in zip(_copies(weight), values, strict=True):
                ours.assign(value)
        self._weights = []

    def _train_step(self, step: Any, data: Any) -> dict[str, Any]:
        iterations = self._iterations
        before = ops.copy(ops.convert_to_tensor(iterations))
        logs = step(data)
        after = ops.convert_to_tensor(iterations)

        def move() -> None:
            weights = [ops.convert_to_tensor(weight) for weight in self._averaged.weights]
            values = self._moved(after, self._averages, weights)
            for average, value in zip(self._averages, values, strict=True):
                average.assign(value)

        ops.cond(self._is_due(before, after), move, lambda: None)
        return logs

    def _train_step_of_jax(self, step: Any, state: Any, data: Any) -> Any:
        model, optimizer = self.model, self.model.optimizer.variables
        place = {id(variable): index for index, variable in enumerate(optimizer)}
        counter = place[id(self._iterations)]
        averages = [place[id(average)] for average in self._averages]
        logs, (trainable, other, optimized, metrics) = step(state, data)
        weights = dict(zip(map(id, model.trainable_variables), trainable, strict=True))
        weights |= dict(zip(map(id, model.non_trainable_variables), other, strict=True))
        now = [weights[id(weight)] for weight in self._averaged.weights]
        old, after = [optimized[index] for index in averages], optimized[counter]
        values = ops.cond(
            self._is_due(state[2][counter], after),
            lambda: self._moved(after, old, now),
            lambda: old,
        )
        optimized = list(optimized)
        for index, value in zip(averages, values, strict=True):
            optimized[index] = value
        return logs, (trainable, other, optimized, metrics)

    @property
    def _iterations(self) -> Any:
        return self._optimizer._iterations

    def _updates(self, iterations: Any) -> Any:
        # Keras' own accumulation counts batches.
        batches = self._optimizer.gradient_accumulation_steps or 1
        return ops.floor_divide(ops.cast(iterations, "int32"), batches)

    def _is_due(self, before: Any, after: Any) -> Any:
        place = self._updates(after) - 1
        if self.steps_per_epoch is not None:
            place = ops.mod(place, self.steps_per_epoch)
        updated = self._updates(after) > self._updates(before)
        return ops.logical_and(updated, ops.equal(ops.mod(place, self.every), 0))

    def _moved(self, iterations: Any, averages: list[Any], weights: list[Any]) -> list[Any]:
        copied = self._updates(iterations) <= self.copy_updates
        share = ops.where(copied, 1.0, 1.0 - self.decay)
        return [
            _towards(average, ops.cast(weight, average.dtype), share)
            for average, weight in zip(averages, weights, strict=True)
        ]


def _towards(average: Any, weight: Any, share: Any) -> Any:
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(average.dtype)):
        return weight
    return average + ops.cast(share, average.dtype) * (weight - average)


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
