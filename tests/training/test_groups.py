"""Groups of variables in a recipe: factors, and optimizers and schedules of their own, against torch's."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipe import Group, Muon
from keras_resnet_recipes.training import build, learning_rate
from tests.runs.same_run import StopAt, StoppedError, without_times

pytestmark = pytest.mark.every_backend

SGD = krr.Recipe(
    network="ResNet20",
    classes=3,
    learning_rate=1.0,
    optimizer=krr.recipe.SGD(weight_decay=0.5, weight_decay_on="all"),
    schedule=krr.schedules.Step(boundaries=(1,)),
)
ROOT = Path(__file__).parents[2]
# Torch's kernels have their outputs first, those of Keras last.
TO_KERAS = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}


def end_of(path):
    return "/".join(path.split("/")[-2:])


def after_one_update(recipe):
    """Returns every variable, by the end of its path, after one update from 1 with gradient 1."""
    model = build.network(recipe)
    optimizer = build.optimizer(recipe, model, steps=1)
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(keras.ops.ones(weight.shape))
    optimizer.apply([keras.ops.ones(weight.shape) for weight in weights], weights)
    return {
        end_of(weight.path): float(keras.ops.convert_to_numpy(weight).mean()) for weight in weights
    }


def test_the_first_group_that_names_a_variable_applies():
    updated = after_one_update(
        SGD.replace(
            groups=(
                Group(on="classifier", learning_rate_factor=0.5),
                Group(on="biases", learning_rate_factor=4.0, weight_decay_factor=0.25),
                Group(on="(^|/)bn/gamma$", learning_rate_factor=0.25),
                Group(on="convolutions", weight_decay_factor=0.0),
            )
        )
    )
    assert len(updated) == 19 + 2 * 19 + 2
    for path, value in updated.items():
        rate, decay = 1.0, 0.5
        if path.startswith("fc/"):
            rate = 0.5
        elif path.endswith("beta"):
            rate, decay = 4.0, 0.125
        elif path == "bn/gamma":
            rate = 0.25
        elif path.endswith("kernel"):
            decay = 0.0
        # Exact, because all numbers are powers of two.
        assert value == 1 - rate * (1 + decay), path


@pytest.mark.parametrize("optimizer", ["Lamb", "AdamW", "RMSpropTF"])
def test_every_optimizer_uses_the_factors(optimizer):
    kind = getattr(krr.recipe, optimizer)
    plain = krr.Recipe(network="ResNet20", classes=3, optimizer=kind(), learning_rate=0.25)
    before = after_one_update(plain)
    updated = after_one_update(
        plain.replace(groups=(Group(on="classifier", learning_rate_factor=0.5),))
    )
    for path, value in updated.items():
        factor = 0.5 if path.startswith("fc/") else 1.0
        np.testing.assert_allclose(value - 1, factor * (before[path] - 1), rtol=1e-6)


def test_without_groups_the_optimizer_has_no_factors():
    config = build.optimizer(SGD, build.network(SGD), steps=1).get_config()
    assert config["learning_rate_factors"] == config["weight_decay_factors"] == {}


def recipe_of(meta):
    """Returns airbench's optimizers as a recipe for the mean loss, whose gradient is that of the sum / batch."""
    rates, batch, decay = meta["rates"], meta["batch"], meta["decay"]
    base = rates["classifier"]
    bias = {
        "learning_rate_factor": rates["biases"] / base,
        "weight_decay_factor": base / rates["biases"],
    }
    return krr.Recipe(
        epochs=meta["epochs"],
        learning_rate=base * batch,
        optimizer=krr.recipe.SGD(
            momentum=meta["momentum"],
            nesterov=True,
            weight_decay=decay / base / batch,
            weight_decay_on="all",
        ),
        groups=(
            Group(
                on="convolutions",
                optimizer=Muon(momentum=meta["muon_momentum"], nesterov=True),
                learning_rate_factor=rates["convolutions"] / (base * batch),
            ),
            Group(on="(^|/)whiten/bias$", epochs=meta["bias_epochs"], **bias),
            Group(on="biases", **bias),
        ),
        schedule=krr.schedules.PiecewiseLinear(
            knots=((0, 1.0), (meta["epochs"], 0.0)), per="update"
        ),
    )


def network(start=None):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 2, activation="gelu", name="whiten"),
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv"),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(epsilon=1e-5, scale=False, name="norm"),
            layers.Activation("gelu"),
            # Torch's features are in the order of channels, rows, columns.
            layers.Permute((3, 1, 2)),
            layers.Flatten(),
            layers.Rescaling(1 / 16),
            layers.Dense(5, use_bias=False, name="fc"),
        ]
    )
    if start is not None:
        for variable in model.trainable_variables:
            value = start(end_of(variable.path))
            variable.assign(np.transpose(value, TO_KERAS[value.ndim]).astype("float32"))
    return model


def loss(meta):
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=meta["smoothing"])


def data(g):
    return g["images"].transpose(0, 2, 3, 1).astype("float32"), np.eye(5)[g["labels"]]


def deviation(g, model):
    """Returns the largest difference of a variable from torch's, relative to its largest movement."""
    far = {}
    for variable in model.trainable_variables:
        name = end_of(variable.path)
        end, start = (g[f"{part}/{name}"].astype("float64") for part in ("end", "start"))
        ours = keras.ops.convert_to_numpy(variable)
        expected = np.transpose(end, TO_KERAS[end.ndim])
        far[name] = float(np.abs(ours - expected).max() / np.abs(end - start).max())
    return far


@pytest.mark.parametrize("repairs", [{}, {"accumulation_steps": 2, "loss_scaling": True}])
def test_twenty_updates_equal_airbench(golden, repairs):
    g = golden("groups")
    recipe, model = recipe_of(g.meta), network(lambda name: g[f"start/{name}"])
    optimizer = build.optimizer(recipe, model, steps=4)
    assert type(optimizer) is krr.optimizers.MultiOptimizer
    assert len(optimizer.inner_optimizers) == 3
    images, targets = data(g)
    if repairs:
        # Batch norm sees each image twice, so that the halves of a batch have its statistics.
        images, targets = (
            np.concatenate([np.tile(one, (2, *[1] * (one.ndim - 1))) for one in np.split(both, 4)])
            for both in (images, targets)
        )
    wrapped = krr.distribution.repair_optimizer(optimizer, **repairs)
    model.compile(wrapped, loss(g.meta), auto_scale_loss=False)
    history = model.fit(images, targets, batch_size=16, epochs=5, shuffle=False, verbose=0).history
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 20
    np.testing.assert_allclose(history["loss"], g["losses"].reshape(5, 4).mean(1), rtol=1e-4)
    # float32: every update depends on the rounded ones before it.
    assert max(deviation(g, model).values()) < 1e-4, deviation(g, model)
    # Of the default optimizer at update 20.
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == 0


def test_a_resumed_training_is_that_of_one_piece(golden, tmp_path):
    g = golden("groups")
    recipe, (images, targets) = recipe_of(g.meta), data(g)

    def trained(model, epochs):
        model.fit(images, targets, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
        return [keras.ops.convert_to_numpy(weight) for weight in model.weights]

    def fresh():
        model = network(lambda name: g[f"start/{name}"])
        model.compile(build.optimizer(recipe, model, steps=4), loss(g.meta))
        return model

    whole = trained(fresh(), 3)
    first = fresh()
    trained(first, 1)
    first.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert [type(one).__name__ for one in copy.optimizer.inner_optimizers] == ["Muon", "SGD", "SGD"]
    for one, other in zip(whole, trained(copy, 2), strict=True):
        np.testing.assert_array_equal(one, other)


ON_TWO_DEVICES = """
import os, sys
import keras
import numpy as np
import keras_resnet_recipes as krr
from keras_resnet_recipes.recipe import Group, Muon
from tests.training.test_groups import network

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
rng = np.random.default_rng(0)
data = rng.integers(0, 256, (64, 8, 8, 3), "uint8"), np.arange(64) % 5
recipe = krr.Recipe(
    epochs=1,
    batch_size=16,
    learning_rate=0.1,
    train_size=8,
    precision="float32",
    gradient_accumulation_steps=2,
    # Below the norms of the gradients, which each device alone would clip differently.
    optimizer=krr.recipe.SGD(momentum=0.9, gradient_clip=0.02),
    groups=(Group(on="convolutions", optimizer=Muon(momentum=0.6, gradient_clip=0.02)),),
    batch_norm="synchronized",
    ema=krr.recipe.EMA(decay=0.5),
)
ended = []
for way in ("none", sys.argv[1]):
    keras.utils.set_random_seed(0)
    model = network()
    before = np.concatenate([np.ravel(w) for w in model.get_weights()])
    model = recipe.fit(data, model=model, distribution=way, verbose=0).model
    ended.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
far = np.abs(ended[0] - ended[1]).max() / np.abs(ended[0] - before).max()
assert far < 1e-3, far
print("devices agree")
"""


@pytest.mark.full
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend):
    way = {"tensorflow": "mirrored", "jax": "data_parallel"}[backend]
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ON_TWO_DEVICES, way],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "devices agree" in done.stdout, done.stderr[-3000:]


@pytest.mark.usefixtures("tiny_resnet20")
@pytest.mark.parametrize("per", ["epoch", "update"])
def test_a_run_with_groups_resumes(tmp_path, per):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 16, 16, 3), "uint8"), np.arange(32) % 3
    recipe = SGD.replace(
        epochs=2,
        batch_size=8,
        gradient_accumulation_steps=2,
        learning_rate=0.01,
        train_size=16,
        test=krr.recipe.Test(size=16, crop_ratio=1.0),
        ema=krr.recipe.EMA(decay=0.5),
        schedule=krr.schedules.Cosine(warmup_epochs=0, per=per),
        precision="mixed_float16",
        groups=(
            Group(on="convolutions", optimizer=Muon(momentum=0.6), learning_rate_factor=4.0),
            Group(on="biases", optimizer=krr.recipe.AdamW(), learning_rate_factor=0.5),
        ),
    )
    whole = recipe.fit(images, run_dir=tmp_path / "whole", verbose=0)
    with pytest.raises(StoppedError):
        recipe.fit(images, run_dir=tmp_path / "cut", verbose=0, callbacks=[StopAt(1, 2)])
    resumed = recipe.fit(images, run_dir=tmp_path / "cut", verbose=0)
    assert without_times(whole.history) == without_times(resumed.history)
    for one, other in zip(whole.model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))
    # Read at the end of an epoch: per update, that of the next one.
    last = learning_rate.rate_at(recipe, 4)(7 if per == "epoch" else 8)
    np.testing.assert_allclose(whole.history["learning_rate"][-1], last, rtol=1e-6)


def test_a_group_without_variables_is_an_error():
    recipe = SGD.replace(groups=(Group(on="kernels"), Group(on="convolutions")))
    with pytest.raises(
        ValueError, match=r"`on` must name trainable .* Received: on='convolutions'"
    ):
        build.optimizer(recipe, build.network(recipe), steps=1)


def test_a_keras_optimizer_has_no_groups():
    with pytest.raises(ValueError, match="`groups` must be empty with a Keras optimizer"):
        SGD.replace(optimizer=keras.optimizers.Lion(), groups=(Group(on="biases"),))
