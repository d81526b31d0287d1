"""Misclassified images are the same with data on the device and with the input pipeline."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.evaluation import examine

pytestmark = pytest.mark.every_backend

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (21, 8, 8, 3), "uint8"), np.arange(21) % 3
RECIPE = krr.DAWNBench(classes=3, train_size=8, test_size=8, batch_size=8)


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 64, -2),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


def test_data_on_the_device_gives_the_same_examination():
    model = network()
    found = examine(RECIPE, model, (X, Y), worst=5)
    expected = examine(RECIPE.replace(data_on_device=False), model, (X, Y), worst=5)
    np.testing.assert_array_equal(found.confusion, expected.confusion)
    assert found.images == 21
    assert found.dataset == expected.dataset == "the arrays"
    for one, same in zip(found.worst, expected.worst, strict=True):
        np.testing.assert_array_equal(one.image, same.image)
        assert (one.name, one.label, one.predicted) == (same.name, same.label, same.predicted)
        # Batches of different sizes are summed in a different order.
        assert one.loss == pytest.approx(same.loss, rel=1e-4)


def test_confusion_matches_the_logits():
    model = network()
    predicted = keras.ops.convert_to_numpy(model(X.astype("float32"))).argmax(1)
    found = examine(RECIPE, model, (X, Y))
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (Y, predicted), 1)
    np.testing.assert_array_equal(found.confusion, expected)


SCRIPT = """
import sys
import numpy as np, keras
import keras_resnet_recipes as krr
from keras_resnet_recipes.evaluation import examine
recipe = krr.DAWNBench(classes=3, train_size=8, test_size=8, batch_size=8)
model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
print(examine(recipe, model, (np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)).images)
assert "tensorflow" not in sys.modules
"""


def test_examine_on_jax_does_not_import_tensorflow():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "6"
