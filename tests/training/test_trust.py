"""Silent wrong results of given models: freezing, hidden activations, half precision, several devices."""

import random

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.outputs import gives_logits, to_probabilities
from keras_resnet_recipes.training import build

pytestmark = pytest.mark.every_backend

X = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), "uint8")
DATA = X, np.arange(8) % 2
SMALL = {
    "epochs": 1,
    "batch_size": 4,
    "train_size": 8,
    "test_size": 8,
    "classes": 2,
    "weights": None,
}
TUNE = krr.FineTune(**SMALL, warmup_epochs=0)
PROBE = krr.LinearProbe(**SMALL, learning_rate=0.1)
layers = keras.layers


def network(**ends):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 64, -2),
            layers.Conv2D(4, 3, name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, name="head", **ends),
        ]
    )


def fit(recipe, model, **options):
    before = {weight.path: np.array(weight) for weight in model.weights}
    recipe.fit(DATA, model=model, verbose=0, **options)
    return {
        weight.path.split("/")[-2]
        for weight in model.weights
        if (np.array(weight) != before[weight.path]).any()
    }


def test_a_fine_tuning_after_a_probe_trains_all_layers(capsys):
    model = network()
    assert fit(PROBE, model) == {"head"}
    assert "`frozen_stages`: all layers before 'head' are frozen." in capsys.readouterr().out
    assert fit(TUNE.replace(frozen_stages=0), model) == {"conv", "head"}
    assert "frozen" not in capsys.readouterr().out


def test_layers_that_the_user_froze_stay_frozen(capsys):
    model = network()
    model.get_layer("conv").trainable = False
    fit(PROBE, model)
    assert fit(TUNE.replace(frozen_stages=0), model) == {"head"}
    assert "`model`: 1 layers stay frozen, as they were given." in capsys.readouterr().out


def test_a_probe_freezes_a_classifier_inside_a_model():
    model = keras.Sequential([keras.Input((8, 8, 3)), network()])
    assert fit(PROBE, model) == {"head"}


def functional(end):
    body = network()
    return keras.Model(body.inputs, end(body.outputs[0]))


@pytest.mark.parametrize(
    "end",
    [
        keras.ops.softmax,
        keras.activations.softmax,
        keras.ops.sigmoid,
        lambda z: layers.Activation("linear", dtype="float32")(layers.Softmax()(z)),
        lambda z: keras.ops.cast(keras.ops.softmax(z), "float32"),
        lambda z: layers.Reshape((2,))(layers.Activation("softmax")(z)),
    ],
    ids=["ops.softmax", "activations.softmax", "ops.sigmoid", "linear", "cast", "reshape"],
)
def test_a_hidden_activation_is_found(end):
    model = functional(end)
    assert not gives_logits(model)
    assert not gives_logits(keras.Sequential([keras.Input((8, 8, 3)), model]))
    assert to_probabilities(model) is model
    with pytest.raises(ValueError, match="`model` must return logits"):
        TUNE.fit(DATA, model=model, verbose=0)


def test_a_softmax_written_by_hand_is_found():
    def softmax(z):
        exponentials = keras.ops.exp(z)
        return exponentials / keras.ops.sum(exponentials, axis=-1, keepdims=True)

    assert not gives_logits(functional(softmax))
    with pytest.raises(ValueError, match="`model` must return logits"):
        TUNE.fit(DATA, model=functional(softmax), verbose=0)


def test_logits_that_add_up_to_one_for_an_image_are_logits():
    images = keras.Input((8, 8, 3))
    brightness = keras.ops.mean(images, axis=(1, 2))[:, :2] / 255
    model = keras.Model(images, brightness + np.array([0.3, 0.7], "float32"))
    black = keras.ops.convert_to_numpy(model(np.zeros((1, 8, 8, 3))))
    np.testing.assert_allclose(black, [[0.3, 0.7]], rtol=1e-6)
    assert gives_logits(model)


@pytest.mark.parametrize(
    "end",
    [
        lambda z: layers.Activation("linear", dtype="float32")(z),
        lambda z: keras.ops.cast(z, "float32") * 0.5,
        lambda z: layers.Dropout(0.1)(z),
    ],
    ids=["linear", "cast", "dropout"],
)
def test_logits_are_logits(end):
    assert gives_logits(functional(end))


def test_a_loaded_half_precision_model_has_a_loss_scale(tmp_path):
    """Keras saves the policies of layers, not the model's."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network().save(tmp_path / "half.keras")
    finally:
        keras.config.set_dtype_policy(before)
    model = keras.models.load_model(tmp_path / "half.keras")
    assert build.compute_dtypes(model) == {"float16"}
    compiled = build.compiled(TUNE, model, replicas=1, steps=2)
    assert isinstance(compiled.optimizer, keras.optimizers.LossScaleOptimizer)


def test_precision_with_a_given_model_must_be_its_own(capsys):
    recipe = TUNE.replace(precision="mixed_float16")
    message = r"`precision` must be 'auto' with `model`, whose layers compute in float32\."
    with pytest.raises(ValueError, match=message):
        recipe.fit(DATA, model=network(), verbose=0)
    fit(TUNE, network())
    assert "`precision`" not in capsys.readouterr().out


def test_accuracy_counts_exactly_k_classes(tmp_path):
    """As `torch.topk`: ties are no hits beyond k, NaN is none."""
    recipe = TUNE.replace(classes=10)
    top1, top5 = build.metrics(recipe)
    targets = np.eye(10, dtype="float32")
    for metric, expected in ((top1, 0.1), (top5, 0.5)):
        for dtype in ("float32", "float16"):
            metric.reset_state()
            metric.update_state(targets, keras.ops.ones((10, 10), dtype))
            assert float(metric.result()) == pytest.approx(expected)
        metric.reset_state()
        metric.update_state(targets, keras.ops.full((10, 10), np.nan))
        assert float(metric.result()) == 0
        metric.reset_state()
        metric.update_state(targets, targets, sample_weight=np.eye(10)[0])
        assert float(metric.result()) == 1
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(top5))
    again.update_state(targets, keras.ops.ones((10, 10)))
    assert float(again.result()) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: TUNE.fit(DATA, model=network(), run_dir=path),
        lambda path: krr.data.from_source(path),
        lambda path: krr.load_recipe(path),
        lambda path: krr.load_run(path),
        lambda path: krr.applications.ResNet20(path + "/a.weights.h5"),
    ],
    ids=["run_dir", "dataset", "recipe", "run", "weights"],
)
def test_addresses_are_no_paths(read):
    with pytest.raises(ValueError, match=r"must be a local path\. Received: .*'gs://bucket/run"):
        read("gs://bucket/run")


@pytest.mark.parametrize("kind", ["LearningRateScheduler", "ReduceLROnPlateau"])
def test_callbacks_that_change_the_rate_are_errors(kind):
    arguments = {"LearningRateScheduler": [lambda epoch: 0.1], "ReduceLROnPlateau": []}[kind]
    callback = getattr(keras.callbacks, kind)(*arguments)
    with pytest.raises(ValueError, match=f"`callbacks` must not change .* Received: {kind}"):
        TUNE.fit(DATA, model=network(), callbacks=[callback], verbose=0)


def test_training_leaves_the_users_random_numbers_alone():
    """Or a search would draw the same learning rate, and its models the same weights, after each run."""
    model = network()

    def drawn(train):
        keras.utils.set_random_seed(5)
        keras.random.normal(())
        if train:
            TUNE.fit(DATA, model=model, verbose=0)
        kernel = layers.Dense(1)
        kernel.build((None, 1))
        values = kernel.kernel, keras.random.normal(())
        return random.random(), np.random.rand(), *map(keras.ops.convert_to_numpy, values)

    assert drawn(train=True) == drawn(train=False)


def test_a_seed_may_be_an_integer_of_numpy(tmp_path):
    weights = [
        TUNE.fit(DATA, model=network(), seed=seed, run_dir=tmp_path, verbose=0).model.get_weights()
        for seed in (np.int64(3), 3)
    ]
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
