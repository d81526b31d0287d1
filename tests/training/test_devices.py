"""Recipe.fit and Recipe.evaluate on four devices, on TensorFlow and JAX."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]

PREAMBLE = """
import json
import keras
import numpy as np
import keras_resnet_recipes as krr

rng = np.random.default_rng(0)

def images(n):
    return rng.integers(0, 256, (n, 16, 16, 3), "uint8"), np.arange(n) % 7

def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((None, None, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(8, 3, strides=2, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(7),
    ])

def weights(model):
    return np.concatenate([np.ravel(w) for w in model.get_weights()])

def message(call):
    try:
        call()
    except ValueError as error:
        return str(error)

recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, learning_rate=0.004, batch_size=32,
                train_size=16, test_size=16, rand_augment=None, precision="float32")
data, few, many, views = images(96), images(3), images(10007), images(21)
"""

MIRRORED = (
    PREAMBLE
    + """
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
with krr.distribution.scope("mirrored"):
    stock = network()
    # Before `Recipe.fit`, which makes TensorFlow deterministic, whereupon Keras disables XLA.
    stock.compile("sgd", "mse", jit_compile=True)
    jit_error = message(lambda: stock.fit(np.zeros((8, 16, 16, 3)), np.zeros((8, 7)), verbose=0,
                                    callbacks=[krr.distribution.AveragedStatistics()]))
given = network()
given.class_names, given.published = tuple("gfedcba"), object()
history = recipe.replace(gradient_accumulation_steps=2, gradient_clip=0.05).fit(
    data, model=given, validation_data=few, distribution="mirrored", verbose=0)
model = history.model
single = network()
single.set_weights(model.get_weights())
evaluation = recipe.replace(test_size=8)
uneven = lambda **changes: recipe.replace(**changes).fit(data, distribution="mirrored", verbose=0)
print(json.dumps({
    "updates": int(model.optimizer.iterations.numpy()),
    "copies": len(model.trainable_variables[0].value.values),
    "jit": model.jit_compile,
    "jit_error": jit_error,
    "val": {name: values[0] for name, values in history.history.items() if name.startswith("val")},
    "few": [recipe.evaluate(m, few, verbose=0) for m in (single, model)],
    "many": [evaluation.evaluate(m, many, verbose=0) for m in (single, model)],
    "views": [[evaluation.replace(test_views=kind).evaluate(m, views, verbose=0)
               for m in (single, model)] for kind in ("mirrored", "ten_crop")],
    "sizes": message(lambda: recipe.replace(test_views="multi_scale").evaluate(model, few, verbose=0)),
    "given": [float(np.abs(weights(given) - weights(model)).max()), given.class_names, given.published],
    "uneven": message(lambda: uneven(batch_size=30)),
    "odd": message(lambda: uneven(batch_size=36)),
    "parallel": message(lambda: recipe.fit(data, distribution="data_parallel", verbose=0)),
}))

# Keras alone: 9 images on 4 devices are 3 + 3 + 3 + 0.
with krr.distribution.scope("mirrored"):
    stock = network()
    stock.compile(loss="mse")
try:
    x, y = images(9)
    loss = stock.evaluate(x, np.eye(7)[y], batch_size=12, verbose=0)
    print("stock counts", loss)
except tf.errors.InvalidArgumentError as error:
    print("stock fails", str(error)[-300:])

# The destructor of an iterator waits for its autotuning thread, which may miss the signal on a busy machine and
# sleep for up to a minute; several iterators are alive when Python exits.
import os, sys
sys.stdout.flush()
os._exit(0)
"""
)

PARALLEL = (
    PREAMBLE
    + """
recipe = recipe.replace(gradient_accumulation_steps=2, mix_per_replica=False)
one, four = (
    recipe.fit(data, model=network(), validation_data=images(21), distribution=name, verbose=0)
    for name in ("none", "auto"))
start = weights(network())
print(json.dumps({
    "devices": [len(h.model.trainable_variables[0].value.sharding.device_set) for h in (one, four)],
    "distribution": str(keras.distribution.distribution()),
    "updates": [int(h.model.optimizer.iterations) for h in (one, four)],
    "difference": float(np.abs(weights(one.model) - weights(four.model)).max()),
    "movement": float(np.abs(weights(one.model) - start).max()),
    "loss": [h.history["loss"][0] for h in (one, four)],
    "images": recipe.evaluate(four.model, images(21), verbose=0)["images"],
    "mirrored": message(lambda: recipe.fit(data, distribution="mirrored", verbose=0)),
}))
"""
)


def run_script(script, backend):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=500,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("{", "stock"))]
    assert lines, done.stderr[-3000:]
    return json.loads(lines[0]), lines[1:], done.returncode


@pytest.fixture(scope="module")
def mirrored():
    return run_script(MIRRORED, "tensorflow")


def test_fit_on_four_devices(mirrored):
    result, _, _ = mirrored
    assert result["updates"] == 3
    # Its weights are trained, for other classes, and no longer the published ones.
    assert result["given"] == [0.0, None, None]
    assert result["copies"] == 4
    assert result["jit"] is False
    assert "must be a multiple of the 4 devices. Received: 30 / 1" in result["uneven"]
    assert "must be even with MixUp or CutMix" in result["odd"]
    assert "Use 'mirrored'" in result["parallel"]


def test_evaluation_on_four_devices_counts_every_image_once(mirrored):
    result, _, _ = mirrored
    for name, images in (("many", 10007), ("few", 3)):
        one, four = result[name]
        assert one["images"] == four["images"] == images
        # Fractions in float32; no image is so close to a tie that the order of a sum matters.
        assert four["top1"] == pytest.approx(one["top1"], abs=1e-6)
        assert four["top5"] == pytest.approx(one["top5"], abs=1e-6)
        assert four["loss"] == pytest.approx(one["loss"], rel=1e-5)
    assert result["val"]["val_loss"] == pytest.approx(result["few"][0]["loss"], rel=1e-5)
    assert result["val"]["val_top1"] == pytest.approx(result["few"][0]["top1"], abs=1e-6)


def test_views_on_four_devices_except_multi_scale(mirrored):
    result, _, _ = mirrored
    for one, four in result["views"]:
        assert one["images"] == four["images"] == 21
        assert four == pytest.approx(one, rel=1e-5)
    assert "must not be 'multi_scale' for a model on several devices" in result["sizes"]


def test_xla_is_refused(mirrored):
    result, _, _ = mirrored
    assert "`jit_compile` must be False or 'auto' under MirroredStrategy" in result["jit_error"]


def test_keras_still_gives_a_device_no_image(mirrored):
    _, stock, returncode = mirrored
    fails = returncode != 0 or stock[0].startswith("stock fails")
    assert fails, "Keras has fixed this: remove `EvaluationBatches.filled` and the metric `loss`"


def test_jax_trains_on_four_devices_as_on_one():
    result, _, _ = run_script(PARALLEL, "jax")
    assert result["devices"] == [1, 4]
    assert result["distribution"] == "None"
    assert result["updates"] == [3, 3]
    # float32 sums in a different order: at most 0.01 % of the distance that the weights moved.
    assert result["difference"] < 1e-4 * result["movement"]
    assert result["loss"][1] == pytest.approx(result["loss"][0], rel=1e-5)
    assert result["images"] == 21
    assert "Use 'data_parallel'" in result["mirrored"]
