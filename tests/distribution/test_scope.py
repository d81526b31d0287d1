"""The distribution scope on one device and on two logical CPU devices."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_resnet_recipes.distribution import scope
from keras_resnet_recipes.distribution.scope import _devices

ROOT = Path(__file__).parents[2]

# One process per number of devices, because TensorFlow's devices are fixed at its start.
TRAINING = """
    import json, sys
    import numpy as np
    import tensorflow as tf

    count, name = int(sys.argv[1]), sys.argv[2]
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, devices)

    import keras
    from keras_resnet_recipes.distribution import scope
    from keras_resnet_recipes.optimizers import Lamb

    with scope(name) as replicas:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, kernel_initializer="ones")])
        model.compile(Lamb(0.05, global_clipnorm=None), "mse")
    strategy = tf.distribute.get_strategy()
    rng = np.random.default_rng(0)
    images, targets = rng.normal(size=(16, 4)), rng.normal(size=(16, 3))
    history = model.fit(images, targets, batch_size=8, epochs=3, shuffle=False, verbose=0)
    print(json.dumps({
        "replicas": replicas,
        "replicas_outside": strategy.num_replicas_in_sync,
        "copies": len(getattr(model.trainable_variables[0].value, "values", [0])),
        "loss": history.history["loss"],
        "kernel": model.get_weights()[0].tolist(),
    }))
"""


def train(devices, name):
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(TRAINING), str(devices), name],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.full
def test_two_devices_equal_one():
    one, two = train(1, "mirrored"), train(2, "mirrored")
    assert (one["replicas"], one["copies"]) == (1, 1)
    assert (two["replicas"], two["copies"]) == (2, 2)
    assert two["replicas_outside"] == 1
    # float32 sums in another order.
    np.testing.assert_allclose(two["kernel"], one["kernel"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=1e-6)
    assert two["loss"][-1] < two["loss"][0]


@pytest.mark.full
def test_auto_does_not_distribute_over_cpus():
    result = train(2, "auto")
    assert (result["replicas"], result["copies"]) == (1, 1)


@pytest.mark.parametrize(
    ("gpus", "name", "expected"),
    [
        (0, "auto", 0),
        (1, "auto", 1),
        (4, "auto", 4),
        (4, "none", 0),
        (4, "mirrored", 4),
        (0, "mirrored", 2),
    ],
)
def test_devices_used(monkeypatch, gpus, name, expected):
    import tensorflow as tf

    class Device:
        def __init__(self, name):
            self.name = name

    present = {"GPU": gpus, "CPU": 2}
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(
        tf.config,
        "list_logical_devices",
        lambda kind: [Device(f"/device:{kind}:{i}") for i in range(present[kind])],
    )
    assert len(_devices(name)) == expected


@pytest.mark.parametrize(("name", "expected"), [("auto", 4), ("data_parallel", 4), ("none", 0)])
def test_devices_used_on_jax(monkeypatch, name, expected):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: [f"gpu:{i}" for i in range(4)])
    assert len(_devices(name)) == expected


@pytest.mark.every_backend
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_need_no_tensorflow(monkeypatch, backend):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"])
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in ("auto", "none"):
        with scope(name) as replicas:
            assert replicas == 1


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("backend", "name", "instead"),
    [
        ("tensorflow", "data_parallel", "Use 'mirrored' .*silently train on one device"),
        ("jax", "mirrored", "Use 'data_parallel'"),
        ("torch", "mirrored", "Use 'none' .*or the backend TensorFlow"),
        ("torch", "data_parallel", "Use 'none' .*or the backend JAX"),
    ],
)
def test_the_error_for_another_backend_suggests_a_distribution(monkeypatch, backend, name, instead):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with (
        pytest.raises(
            ValueError, match=f"distribution='{name}' on the backend '{backend}'.*{instead}"
        ),
        scope(name),
    ):
        pass


@pytest.mark.every_backend
def test_unknown_names_are_errors():
    with (
        pytest.raises(ValueError, match=r"`distribution` must be 'auto', .*distribution='horovod'"),
        scope("horovod"),
    ):
        pass
