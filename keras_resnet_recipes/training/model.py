"""The training step."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.applications.plain import check_plain
from keras_resnet_recipes.averages import MovingAverage
from keras_resnet_recipes.distribution import average_statistics
from keras_resnet_recipes.layers.views import averaged
from keras_resnet_recipes.training.interrupts import InterruptBetweenBatches
from keras_resnet_recipes.training.teacher import Teacher


class TrainingModel(keras.Model):
    """A network in training: same layers, inputs and outputs, one training step.

    Each step on a batch of data is:

        images, targets = train_inputs(*data)     # where they are made on the device
        logits          = network(images)
        loss            = training loss(targets, logits), with a teacher combined with its term
        optimizer       : one update; scaled, accumulated, clipped as `krr.distribution.repair_optimizer` sets it up
        average         : follows the weights

    It is the same on TensorFlow, JAX and torch, under `MirroredStrategy` and `DataParallel`.
    With an average, the weights are the averages from the end of each epoch to the beginning of the next one and after
    `fit`, and in every evaluation. Evaluations use the mean of the replicas' BatchNorm statistics. `save` and
    `export` write the network alone.

    Args:
        network: A functional or sequential model. It shares its layers with this model, and is neither
            compiled nor changed otherwise.
        average: The EMA of its weights.
        teacher: A network whose outputs the network learns from, next to the targets.
        training_loss: Loss of the training step, if it differs from the compiled one, which evaluations use.
        train_inputs: Function from the items of a batch to images and targets, called in the training step.
        test_inputs: The same for the test step.
        scores: Function of the targets and outputs of all images of an evaluation, [images, classes], that returns its
            logs, instead of the compiled loss and metrics: for metrics that are no mean over batches.
        test_views: Views of each image whose mean output evaluations and predictions use: "one", "mirrored" or
            "shifted", see `krr.recipe.Test`.

    Example:
        >>> import numpy as np
        >>> import keras_resnet_recipes as krr
        >>> network = krr.applications.ResNet20(classes=2, classifier_activation=None)
        >>> model = krr.TrainingModel(network, average=krr.averages.MovingAverage(0.9))
        >>> model.compile(keras.optimizers.SGD(0.1), krr.losses.BinaryCrossentropy(from_logits=True))
        >>> images = np.zeros((4, 32, 32, 3), "uint8")
        >>> history = model.fit(images, np.eye(2)[[0, 1, 0, 1]], verbose=0)
        >>> sorted(history.history)
        ['loss']
    """

    def __init__(
        self,
        network: keras.Model,
        *,
        average: MovingAverage | None = None,
        teacher: Teacher | None = None,
        training_loss: keras.losses.Loss | None = None,
        train_inputs: Callable[..., tuple[Any, Any]] | None = None,
        test_inputs: Callable[..., tuple[Any, Any]] | None = None,
        scores: Callable[[np.ndarray, np.ndarray], dict[str, float]] | None = None,
        test_views: str = "one",
    ) -> None:
        _check(network, average, teacher)
        super().__init__(
            _one_or_all(network.inputs), _one_or_all(network.outputs), name=network.name
        )
        # As an attribute, or a property, Keras would save its layers a second time.
        self.network = lambda: network
        self.average, self._teacher, self._test_views = average, teacher, test_views
        self._training_loss, self._scores = training_loss, scores
        self._train_inputs, self._test_inputs = train_inputs, test_inputs
        averages = () if average is None else (_Averages(average),)
        self.own_callbacks = (InterruptBetweenBatches(), *averages)
        if teacher is not None:
            self._teacher_weights = teacher.weights

    def compile(self, optimizer: Any = "rmsprop", *arguments: Any, **options: Any) -> None:
        """Compiles as `keras.Model.compile`; the average's variables become the optimizer's.

        The loss is scaled where the network's layers compute in float16, unless `auto_scale_loss=False`.
        """
        optimizer = keras.optimizers.get(optimizer) if isinstance(optimizer, str) else optimizer
        half = any(layer.compute_dtype == "float16" for layer in self.layers)
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if half and optimizer is not None and not scaled and options.get("auto_scale_loss", True):
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        super().compile(optimizer, *arguments, **options)
        if self.average is not None and self.optimizer is not None:
            self.average.build(self.network(), self.optimizer)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit`; at the end of each epoch the weights are the averages.

        A `keras.callbacks.CallbackList` must begin with `own_callbacks`; a list of callbacks gets them here.
        """
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [*self.own_callbacks, *keras.tree.flatten(callbacks or [])]
        with self.own_callbacks[0].active():
            return super().fit(x, y, batch_size, epochs, verbose, callbacks, **options)

    def train_step(self, *arguments: Any) -> Any:
        """One step; arguments and result are those of Keras' own step on the running backend."""
        result = super().train_step(*_with_inputs(arguments, self._train_inputs))
        if self.average is None:
            return result
        if keras.backend.backend() != "jax":
            self.average.follow()
            return result
        logs, (trainable, other, optimizer, metrics) = result
        weights = zip(
            [*self.trainable_variables, *self.non_trainable_variables, *self.optimizer.variables],
            [*trainable, *other, *optimizer],
            strict=True,
        )
        with keras.StatelessScope(list(weights)) as scope:
            self.average.follow()
        optimizer = [scope.get_current_value(variable) for variable in self.optimizer.variables]
        return logs, (trainable, other, optimizer, metrics)

    def test_step(self, *arguments: Any) -> Any:
        """Evaluates a batch; arguments and result are those of Keras' own step on the running backend."""
        return super().test_step(*_with_inputs(arguments, self._test_inputs))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Returns the network's outputs; outside training, their mean over the test views."""
        forward = super().call
        views = "one" if training else self._test_views
        return averaged(lambda view: forward(view, training=training, mask=mask), inputs, views)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Returns the loss of a batch: in training that of training, combined with the teacher's term."""
        if training and self._training_loss is not None:
            loss = self._training_loss(y, y_pred, sample_weight)
            # Regularization of a given model, scaled as Keras does on several devices.
            loss += sum(self._aggregate_additional_loss(one) for one in self.losses)
        else:
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if self._teacher is None or not training:
            return loss
        return self._teacher.combined(loss, x, y, y_pred)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """Evaluates as `keras.Model.evaluate`, with averaged weights and statistics."""
        average_statistics(self)
        with self.averaged(), self._weights_kept():
            if self._scores is not None:
                return self._scored(*arguments, **options)
            return super().evaluate(*arguments, **options)

    def _scored(
        self, x: Any, *, verbose: str | int = "auto", callbacks: Any = None, **options: Any
    ) -> dict[str, float]:
        """Evaluates with `scores`; the other options of `evaluate` are those that Keras' `fit` passes."""
        indexed = isinstance(x, keras.utils.PyDataset)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            known = {"verbose": verbose, "epochs": 1, "steps": x.num_batches if indexed else None}
            callbacks = keras.callbacks.CallbackList(callbacks, False, verbose != 0, self, **known)
        batches = (x[number] for number in range(x.num_batches)) if indexed else x
        seen = []
        callbacks.on_test_begin()
        for number, data in enumerate(batches):
            callbacks.on_test_batch_begin(number)
            seen.append(self._seen(data))
            callbacks.on_test_batch_end(number, {})
        logs = self._scores(*map(np.concatenate, zip(*seen, strict=True)))
        callbacks.on_test_end(logs)
        return logs

    def _seen(self, data: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns the targets and outputs of a batch, without the images that fill it."""
        if self._test_inputs is not None:
            data = self._test_inputs(*data)
        images, targets, *weights = data
        targets = ops.convert_to_numpy(targets)
        # MirroredStrategy predicts a batch on each device.
        outputs = self.predict_on_batch(images)[: len(targets)].astype(np.float32)
        real = ops.convert_to_numpy(weights[0]) > 0 if weights else slice(None)
        return targets[real], outputs[real]

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Context manager: the weights are the averages, if there are any."""
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def finish(self) -> None:
        """Makes the averages, if there are any, the network's weights."""
        if self.average:
            self.average.finish()

    def release(self) -> None:
        """Removes the averages' variables from the optimizer."""
        if self.average:
            self.average.remove()

    def build_losses_and_metrics(self) -> None:
        """Builds what Keras builds from the first batch, which it cannot where images are made in the step."""
        nothing = ops.zeros((1, *self.output_shape[1:]))
        self.compute_metrics(None, nothing, nothing)
        self.reset_metrics()
        self.compute_loss(None, nothing, nothing, training=False)

    def save(self, *arguments: Any, **options: Any) -> Any:
        """Saves the network, its optimizer without the averages."""
        with self.average.hidden() if self.average else contextlib.nullcontext():
            return self.network().save(*arguments, **options)

    def export(self, *arguments: Any, **options: Any) -> Any:
        """Exports the network."""
        return self.network().export(*arguments, **options)

    @contextlib.contextmanager
    def _weights_kept(self) -> Iterator[None]:
        """Context manager: after an exception the variables have values, which Keras 3.15 on JAX removes."""
        values = [(variable, variable._value) for variable in self.variables]
        try:
            yield
        except BaseException:
            if keras.backend.backend() == "jax":
                # After the first batch they are in the state that Keras passes on.
                self.jax_state_sync()
            for variable, value in values:
                if variable._value is None:
                    variable._value = value
            raise


class _Averages(keras.callbacks.Callback):
    """Puts the trained weights in place for an epoch, and the averages after it. The first of all callbacks."""

    async_safe = True

    def __init__(self, average: MovingAverage) -> None:
        super().__init__()
        self.average = average

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.average.start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.average.start()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.average.put()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        # A run that was finished before trains no epoch. What callbacks restore takes the place of the averages.
        self.average.put()


def _check(network: Any, average: Any, teacher: Any) -> None:
    """Raises ValueError for wrong arguments of `TrainingModel`."""
    plain = isinstance(network, keras.Model) and not isinstance(network, TrainingModel)
    inputs, outputs = getattr(network, "inputs", None), getattr(network, "outputs", None)
    if not plain or not inputs or not outputs or not _is_own(type(network).call):
        raise ValueError(
            "`network` must be a functional or Sequential model that is built and does not override `call`. "
            f"Received: network={network!r}"
        )
    check_plain("network", network)
    # Keras keeps the structures in private attributes.
    structs = (getattr(network, name, None) for name in ("_inputs_struct", "_outputs_struct"))
    if any(isinstance(struct, dict) for struct in structs):
        raise ValueError(
            "`network` must have tensors or lists of tensors as inputs and outputs. Received: a dictionary"
        )
    for name, value, kind in (("average", average, MovingAverage), ("teacher", teacher, Teacher)):
        if value is not None and not isinstance(value, kind):
            raise ValueError(
                f"`{name}` must be a krr {kind.__name__} or None. Received: {name}={value!r}"
            )


def _is_own(call: Any) -> bool:
    """Returns whether a `call` is that of Keras' functional or Sequential models."""
    return call.__module__.startswith("keras.src.models")


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _with_inputs(arguments: tuple[Any, ...], inputs: Callable[..., Any] | None) -> tuple[Any, ...]:
    """The arguments of a step, the last of which is the data, with the data's inputs made."""
    *state, data = arguments
    return (*state, data if inputs is None else inputs(*data))
