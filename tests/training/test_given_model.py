"""Models that `fit(model=...)` and `evaluate` accept, and error messages for those they do not."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr

RECIPE = krr.A3(
    epochs=1, warmup_epochs=0, batch_size=4, train_size=16, test_size=16, rand_augment=None
)
DATA = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3), "uint8"), np.arange(4)


def network(shape=(None, None, 3), activation=None, dtype="float32", classes=4):
    return keras.Sequential(
        [
            keras.Input(shape, dtype=dtype),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes, activation=activation),
        ]
    )


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def two_inputs():
    inputs = [keras.Input((16, 16, 3)) for _ in range(2)]
    pooled = keras.layers.GlobalAveragePooling2D()(keras.ops.add(*inputs))
    return keras.Model(inputs, keras.layers.Dense(4)(pooled))


def nested(model):
    return keras.Sequential([keras.Input((16, 16, 3)), model])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            network(activation="softmax"),
            "`model` must return logits, .* classifier_activation=None",
        ),
        (network(activation="sigmoid"), "`model` must return logits"),
        (nested(network(activation="softmax")), "`model` must return logits"),
        (
            keras.Sequential([keras.Input((16, 16, 3)), network(), keras.layers.Softmax()]),
            "`model` must return logits",
        ),
        (
            network((32, 32, 3)),
            r"`train_size` must be the input size of `model`, 32 x 32\. Received: train_size=16",
        ),
        (network((None, None, 1)), r"must take RGB images, .* Received: a model for \(None, None"),
        (network(classes=3), r"`model` must have 4 outputs, one per class\. Received: 3"),
        (two_inputs(), "must have one input, images, and one output"),
        (Subclassed(), "must be a functional or Sequential model that is built"),
        (
            keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4)]),
            "must be a functional or Sequential model that is built",
        ),
    ],
    ids=[
        "softmax",
        "sigmoid",
        "nested softmax",
        "softmax layer",
        "size",
        "channels",
        "classes",
        "two inputs",
        "subclassed",
        "not built",
    ],
)
def test_unusable_models_are_errors(model, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.fit(DATA, model=model, verbose=0)


def test_the_test_size_is_checked_before_training():
    recipe = RECIPE.replace(test_size=32)
    with pytest.raises(
        ValueError, match=r"`test_size` must be the input size .* 16 x 16\. Received: test_size=32"
    ):
        recipe.fit(DATA, model=network((16, 16, 3)), validation_data=DATA, verbose=0)
    with pytest.raises(
        ValueError, match=r"`test_size` must be the input size .* 16 x 16\. Received: test_size=32"
    ):
        recipe.evaluate(network((16, 16, 3)), DATA, verbose=0)
    with pytest.raises(ValueError, match="that is built"):
        recipe.evaluate(Subclassed(), DATA, verbose=0)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_the_input_may_have_any_dtype(dtype):
    model = network((16, 16, 3), dtype=dtype)
    if dtype == "uint8":
        inputs = keras.Input((16, 16, 3), dtype=dtype)
        model = keras.Model(inputs, network()(keras.layers.Rescaling(1 / 255)(inputs)))
    history = RECIPE.fit(DATA, model=model, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert RECIPE.evaluate(model, DATA, verbose=0)["images"] == 4
