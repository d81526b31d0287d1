"""Precision: the choice of "auto", the values that stay in float32, and equal losses with all policies."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import distribution
from keras_resnet_recipes.training import build
from keras_resnet_recipes.training.build import dtype_policy, resolved_precision

RECIPE = krr.A3(
    network="ResNet20",
    classes=4,
    epochs=1,
    warmup_epochs=0,
    batch_size=16,
    train_size=16,
    rand_augment=None,
    mixup_alpha=0,
    cutmix_alpha=0,
)


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([], "float32"),
        (["gpu:0"], "mixed_float16"),
        (["tpu:0", "tpu:1"], "mixed_bfloat16"),
    ],
)
def test_auto_depends_on_the_devices(monkeypatch, devices, expected):
    monkeypatch.setattr(distribution, "accelerators", lambda: devices)
    assert resolved_precision(RECIPE) == expected
    assert resolved_precision(RECIPE.replace(precision="float32")) == "float32"


def images(n, seed=0):
    """Noise with a bright quarter, whose position is the class."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 120, (n, 16, 16, 3), "uint8"), np.arange(n) % 4
    for image, label in zip(x, y, strict=True):
        image[8 * (label // 2) :, 8 * (label % 2) :][:8, :8] += 100
    return x, y


def small_network(precision):
    keras.utils.set_random_seed(0)
    with dtype_policy(precision):
        layers = [keras.layers.Rescaling(1 / 255)]
        for filters in (8, 16):
            layers += [
                keras.layers.Conv2D(filters, 3, strides=2, use_bias=False),
                keras.layers.BatchNormalization(momentum=0.9),
                keras.layers.ReLU(),
            ]
        layers += [keras.layers.Flatten(), keras.layers.Dense(4)]
        return keras.Sequential([keras.Input((16, 16, 3)), *layers])


def test_the_precision_is_reported_once(tiny_resnet20, capsys):
    recipe = RECIPE.replace(network="ResNet20")
    recipe.fit(images(16), verbose=2)
    assert capsys.readouterr().out.count("precision   float32, for the CPU\n") == 1
    recipe.fit(images(16), verbose=0)
    assert "precision" not in capsys.readouterr().out
    recipe.replace(precision="mixed_float16").fit(images(16), verbose=0)
    warning = "`precision`: mixed_float16 is slower than float32 here, on a CPU; 'auto' is float32."
    assert capsys.readouterr().out.count(warning) == 1
    # A given model has its own precision.
    recipe.fit(images(16), model=small_network("float32"), verbose=2)
    assert "precision   float32, as the given model has it\n" in capsys.readouterr().out


@pytest.mark.every_backend
@pytest.mark.parametrize("name", ["BinaryCrossentropy", "CategoricalCrossentropy"])
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_losses_are_float32(name, precision):
    recipe = RECIPE.replace(loss=getattr(krr.recipe, name)())
    logits = np.zeros((2, 4), "float16")
    targets = np.eye(4, dtype="float32")[:2]
    with dtype_policy(precision):
        value = build.loss(recipe)(targets, keras.ops.convert_to_tensor(logits))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    # log 2 and log 4 with the 24 bits of float32; float16 has 11.
    expected = np.log(2) if name[0] == "B" else np.log(4)
    assert float(value) == pytest.approx(expected, rel=1e-6)


@pytest.mark.every_backend
@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_accuracies_accept_half_precision_scores(precision):
    targets = np.eye(8, dtype="float32")[[0, 3, 7, 6]]
    scores = keras.ops.cast(np.tile(np.arange(8, 0, -1), (4, 1)), precision)
    top1, top5 = build.metrics(RECIPE.replace(classes=8))
    for metric, accuracy in ((top1, 1 / 4), (top5, 2 / 4)):
        metric.update_state(targets, scores)
        assert float(metric.result()) == accuracy


@pytest.mark.every_backend
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_float32(activation):
    with dtype_policy("mixed_float16"):
        model = krr.applications.ResNet20(classes=4, classifier_activation=activation)
    assert model.layers[-1].compute_dtype == "float32"
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"


@pytest.mark.every_backend
def test_statistics_are_float32():
    """The square of 300 overflows float16, and bfloat16 could not represent the variance next to it."""
    with dtype_policy("mixed_float16"):
        network = krr.applications.ResNet20(classes=4)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms
    for norm in norms:
        for variable in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta):
            assert keras.backend.standardize_dtype(variable.dtype) == "float32"
    values = np.array([299, 301] * 8, "float16").reshape(4, 2, 2, 1)
    norm = keras.layers.BatchNormalization(momentum=0.0, dtype="mixed_float16")
    norm(keras.ops.convert_to_tensor(values), training=True)
    variance = keras.ops.convert_to_numpy(norm.moving_variance)[0]
    # 300² - 1 and 300² differ in the 17th of 24 bits; torch divides by n - 1.
    assert variance == pytest.approx(1, rel=0.1)


def losses(precision):
    """Returns the loss of each of 50 updates."""
    curve = []
    record = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: add(logs["loss"]))

    def add(mean):
        # Keras logs the mean since the start of the epoch.
        curve.append(mean * (len(curve) + 1) - sum(curve))

    recipe = RECIPE.replace(precision=precision, learning_rate=0.01, crop_scale=(0.9, 1.0))
    recipe = recipe.replace(random_flip=None)
    model = small_network(precision)
    assert model.layers[1].compute_dtype == precision.removeprefix("mixed_")
    recipe.fit(images(800), model=model, callbacks=[record], verbose=0)
    return np.array(curve)


@pytest.fixture(scope="module")
def float32_losses():
    return losses("float32")


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("mixed_float16", 0.002), ("mixed_bfloat16", 0.015)]
)
def test_half_precision_losses_over_50_updates(float32_losses, precision, tolerance):
    """The loss falls from 0.6 to 0.03, within the tolerance at every update.

    float16 has 11 bits and bfloat16 8, so that an activation is off by up to 0.05 % or 0.4 %. Over 50 updates the
    largest measured difference was 0.0004 or 0.003; five times that leaves room for other processors.
    """
    half = losses(precision)
    assert len(half) == len(float32_losses) == 50
    assert float32_losses[-10:].mean() < 0.5 * float32_losses[:10].mean()
    np.testing.assert_allclose(half, float32_losses, rtol=0, atol=tolerance)


def test_statistics_are_synchronized_on_several_devices_only():
    def synchronized(replicas, batch_norm):
        recipe = RECIPE.replace(batch_norm=batch_norm)
        model = build.compiled(recipe, build.network(recipe), replicas, steps=1)
        norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
        return {layer.synchronized for layer in norms}

    assert synchronized(2, "synchronized") == {True}
    assert synchronized(1, "synchronized") == synchronized(2, "replica") == {False}
