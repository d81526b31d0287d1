"""Models that `fit(model=...)` and `evaluate` accept, and error messages for those they do not."""

import keras
import numpy as np
import pytest
from PIL import Image

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


class Task(keras.Model):
    """As an ImageClassifier of KerasHub: functional, with a preprocessor, and compiled by itself."""

    def __init__(self, backbone, num_classes, preprocessor=None):
        inputs = backbone.inputs[0]
        pooled = keras.layers.GlobalAveragePooling2D()(backbone(inputs))
        super().__init__(inputs, keras.layers.Dense(num_classes)(pooled))
        self.backbone, self.preprocessor = backbone, preprocessor
        self.compile()

    def compile(self, optimizer="adam", loss="auto", *, metrics="auto", **options):
        loss = keras.losses.SparseCategoricalCrossentropy(True) if loss == "auto" else loss
        metrics = [keras.metrics.SparseCategoricalAccuracy()] if metrics == "auto" else metrics
        super().compile(optimizer, loss, metrics=metrics, **options)

    def _prepared(self, x):
        return x if self.preprocessor is None else self.preprocessor(x)

    def fit(self, x=None, *arguments, **options):
        return super().fit(self._prepared(x), *arguments, **options)

    def predict(self, x, **options):
        return super().predict(self._prepared(x), **options)


class Step(keras.Model):
    def train_step(self, *arguments):
        return super().train_step(*arguments)


class Call(keras.Model):
    def call(self, inputs, training=None, mask=None):
        return -super().call(inputs, training=training, mask=mask)


def task(preprocessor=None):
    inputs = keras.Input((16, 16, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(4, 3)(inputs))
    return Task(backbone, 4, preprocessor)


def with_own(kind):
    plain = network()
    return kind(plain.inputs, plain.outputs)


NORMALIZATION = keras.layers.Rescaling(1 / 64, -2)
OWN = {
    "task": (task, "Task, whose own `predict`, `compile`, `fit` would"),
    "task with preprocessor": (
        lambda: task(NORMALIZATION),
        r"whose own .*`preprocessor` would .*keras.Input\(\(16, 16, 3\)\)",
    ),
    "train_step": (lambda: with_own(Step), "Step, whose own `train_step` would"),
    "call": (lambda: with_own(Call), "Call, whose own `call` would"),
}


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", OWN)
def test_what_a_model_does_beside_its_layers_is_never_left_out(kind, tmp_path):
    build, message = OWN[kind]
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"(?s)`model` must be a plain functional.*{message}"):
        RECIPE.fit(DATA, model=model, verbose=0)
    with pytest.raises(ValueError, match=f"(?s)`model` must be a plain functional.*{message}"):
        RECIPE.evaluate(model, DATA, verbose=0)
    with pytest.raises(ValueError, match="`network` must be a"):
        krr.TrainingModel(model)
    assert all(map(np.array_equal, before, model.get_weights()))


def built_task(**options):
    return task(NORMALIZATION)


@pytest.mark.every_backend
def test_a_preprocessor_is_not_left_out_elsewhere(tmp_path):
    Image.fromarray(DATA[0][0]).save(tmp_path / "a.png")
    model = task(NORMALIZATION)
    for call in (
        lambda: list(RECIPE.predict(model, [tmp_path])),
        lambda: list(krr.evaluation.predict(model, [tmp_path])),
        lambda: krr.Teacher(model),
        lambda: RECIPE.replace(network=built_task).fit(DATA, verbose=0),
    ):
        with pytest.raises(ValueError, match=r"(?s)must be a plain functional.*`preprocessor`"):
            call()


@pytest.mark.every_backend
def test_the_layers_of_a_task_are_trained_as_the_error_says():
    model = task(NORMALIZATION)
    images = keras.Input((16, 16, 3))
    layers = keras.Model(model.inputs, model.outputs)
    plain = keras.Model(images, layers(NORMALIZATION(images)))
    x = DATA[0][:, :16, :16].astype("float32")
    np.testing.assert_allclose(
        plain.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )
    RECIPE.fit(DATA, model=plain, verbose=0)
    assert RECIPE.evaluate(plain, DATA, verbose=0)["images"] == 4


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
