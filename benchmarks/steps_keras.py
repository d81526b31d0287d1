"""Keras engines of steps.py: `steps_keras.py "training ours" NETWORK SIZE BATCH`, with the backend of KERAS_BACKEND."""

# isort: skip_file
from turns import Turns

TURNS = Turns()  # starts the clock before the imports

import functools  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402
from unittest import mock  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402

import keras_resnet_recipes as krr  # noqa: E402
from keras_resnet_recipes.training import TrainingModel, build  # noqa: E402

CLASSES = 10


class InTurns(keras.callbacks.Callback):
    """Makes `fit` wait after each turn."""

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the update."""
        if not TURNS.done():
            sys.exit()

    on_test_batch_end = on_train_batch_end


def recipe_of(network: str, size: int, batch: int) -> krr.Recipe:
    """Returns A3 at the size of the case, without augmentation."""
    return krr.A3(
        network=network,
        classes=CLASSES,
        train_size=size,
        test_size=size,
        batch_size=batch,
        epochs=1,
        warmup_epochs=0,
        augmentation=(),
        mix=None,
        precision="float32",
    )


def noise(recipe: krr.Recipe, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns noise images and one-hot labels."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, recipe.train_size, recipe.train_size, 3), "uint8")
    return images, np.eye(CLASSES, dtype="float32")[random.integers(0, CLASSES, count)]


def ours(recipe: krr.Recipe) -> None:
    """Runs `Recipe.fit` with its progress bar."""
    images, targets = noise(recipe, 4 * recipe.batch_size)
    labels = targets.argmax(axis=1)
    recipe.fit((images, labels), steps_per_epoch=10_000, callbacks=[InTurns()], verbose=1)


def evaluated(recipe: krr.Recipe) -> None:
    """Runs `Recipe.evaluate` with its input pipeline."""
    images, targets = noise(recipe, 100 * recipe.batch_size)
    # `Recipe.evaluate` accepts no callbacks.
    in_turns = functools.partialmethod(TrainingModel.evaluate, callbacks=[InTurns()])
    with mock.patch.object(TrainingModel, "evaluate", in_turns):
        recipe.evaluate(build.network(recipe), (images, targets.argmax(axis=1)), verbose=1)


def stock(recipe: krr.Recipe) -> None:
    """Trains with stock Keras."""
    model, data = _stock_model(recipe), _stock_batches(recipe)
    model.fit(data, steps_per_epoch=10_000, callbacks=[InTurns()], verbose=1)


def stock_evaluated(recipe: krr.Recipe) -> None:
    """Evaluates with stock Keras."""
    model, data = _stock_model(recipe), _stock_batches(recipe)
    model.evaluate(data, steps=1_000, callbacks=[InTurns()], verbose=1)


def _stock_model(recipe: krr.Recipe) -> keras.Model:
    if recipe.network in ("ResNet50", "ResNet50V1"):
        inputs = keras.Input((recipe.train_size, recipe.train_size, 3))
        scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
        body = keras.applications.ResNet50(
            weights=None, classes=CLASSES, classifier_activation=None, input_shape=inputs.shape[1:]
        )
        model = keras.Model(inputs, body(scaled))
    else:
        model = _with_keras_batch_norm(build.network(recipe))
    model.compile(
        _stock_lamb(recipe),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def _with_keras_batch_norm(model: keras.Model) -> keras.Model:
    """Replaces our batch norm layers with those of Keras."""

    def keras_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
        own = isinstance(layer, krr.layers.BatchNormalization)
        cls = keras.layers.BatchNormalization if own else type(layer)
        return cls.from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=keras_layer)


def _stock_lamb(recipe: krr.Recipe) -> keras.optimizers.Optimizer:
    return keras.optimizers.Lamb(recipe.learning_rate, weight_decay=recipe.weight_decay)


def _stock_batches(recipe: krr.Recipe) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(noise(recipe, recipe.batch_size)).repeat()


def by_hand(recipe: krr.Recipe) -> None:
    """Runs a hand-written training step."""
    model, loss = build.network(recipe), krr.losses.BinaryCrossentropy(target_threshold=0.2)
    optimizer = build.optimizer(recipe, model, steps=1)
    optimizer.build(model.trainable_variables)
    _repeat(
        _BY_HAND[keras.backend.backend()](model, loss, optimizer, *noise(recipe, recipe.batch_size))
    )


def forward(recipe: krr.Recipe) -> None:
    """Runs only the forward pass."""
    model, images = build.network(recipe), keras.ops.array(noise(recipe, recipe.batch_size)[0])
    if keras.backend.backend() == "jax":
        import jax

        variables = [each.value for each in model.trainable_variables]
        rest = [each.value for each in model.non_trainable_variables]
        compiled = jax.jit(lambda *given: model.stateless_call(*given, training=False)[0])
        _repeat(lambda: np.asarray(compiled(variables, rest, images)))
    else:
        import tensorflow as tf

        compiled = tf.function(lambda given: model(given, training=False))
        _repeat(lambda: compiled(images).numpy())


def updated(recipe: krr.Recipe) -> None:
    """Runs only the recipe's LAMB update."""
    model = build.network(recipe)
    _update(model, build.optimizer(recipe, model, steps=1))


def stock_updated(recipe: krr.Recipe) -> None:
    """Runs only the Keras LAMB update."""
    _update(build.network(recipe), _stock_lamb(recipe))


def _update(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    optimizer.build(model.trainable_variables)
    random = np.random.default_rng(0)
    gradients = [
        keras.ops.convert_to_tensor(random.normal(0, 1e-3, variable.shape), "float32")
        for variable in model.trainable_variables
    ]
    _repeat(_UPDATE[keras.backend.backend()](model, optimizer, gradients))


def _repeat(step: Callable[[], Any]) -> None:
    step()
    while TURNS.done():
        step()


def _tensorflow_by_hand(
    model: Any, loss: Any, optimizer: Any, images: np.ndarray, targets: np.ndarray
) -> Callable[[], Any]:
    import tensorflow as tf

    x, y = tf.constant(images), tf.constant(targets)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, [each.value for each in model.trainable_variables])
        optimizer.apply(gradients, model.trainable_variables)
        return value

    return lambda: float(step())


def _jax_by_hand(
    model: Any, loss: Any, optimizer: Any, images: np.ndarray, targets: np.ndarray
) -> Callable[[], Any]:
    import jax

    def forward(trainable: Any, rest: Any, x: Any, y: Any) -> tuple[Any, Any]:
        logits, rest = model.stateless_call(trainable, rest, x, training=True)
        return loss(y, logits), rest

    def step(trainable: Any, rest: Any, slots: Any, x: Any, y: Any) -> tuple[Any, ...]:
        (value, rest), gradients = jax.value_and_grad(forward, has_aux=True)(trainable, rest, x, y)
        trainable, slots = optimizer.stateless_apply(slots, gradients, trainable)
        return value, trainable, rest, slots

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    lists = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    # Copies, because donated buffers are deleted and several variables may share an array.
    state = [[jax.numpy.array(each.value) for each in variables] for variables in lists]
    x, y = jax.numpy.asarray(images), jax.numpy.asarray(targets)

    def once() -> float:
        value, *state[:] = compiled(*state, x, y)
        return float(value)

    return once


def _tensorflow_update(model: Any, optimizer: Any, gradients: list[Any]) -> Callable[[], Any]:
    import tensorflow as tf

    @tf.function
    def step() -> None:
        optimizer.apply(gradients, model.trainable_variables)

    return step


def _jax_update(model: Any, optimizer: Any, gradients: list[Any]) -> Callable[[], Any]:
    import jax

    compiled = jax.jit(
        lambda trainable, slots: optimizer.stateless_apply(slots, gradients, trainable),
        donate_argnums=(0, 1),
    )
    lists = (model.trainable_variables, optimizer.variables)
    state = [[jax.numpy.array(each.value) for each in variables] for variables in lists]

    def once() -> None:
        state[:] = jax.block_until_ready(compiled(*state))

    return once


_BY_HAND = {"tensorflow": _tensorflow_by_hand, "jax": _jax_by_hand}
_UPDATE = {"tensorflow": _tensorflow_update, "jax": _jax_update}


ENGINES: dict[str, Callable[[krr.Recipe], None]] = {
    "training ours": ours,
    "training stock": stock,
    "training by_hand": by_hand,
    "update ours": updated,
    "update stock": stock_updated,
    "evaluation ours": evaluated,
    "evaluation stock": stock_evaluated,
    "evaluation by_hand": forward,
}


if __name__ == "__main__":
    engine, network, size, batch = sys.argv[1:]
    keras.utils.set_random_seed(0)
    recipe = recipe_of(network, int(size), int(batch))
    TURNS.imported()
    ENGINES[engine](recipe)
