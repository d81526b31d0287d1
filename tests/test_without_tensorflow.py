"""Training, evaluation and prediction on JAX and torch without TensorFlow installed."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import pathlib, sys
from importlib.machinery import PathFinder

# Simulates that TensorFlow is not installed.
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.startswith("tensorflow") else find(name, *rest)

import numpy as np
from PIL import Image
import keras
import keras_resnet_recipes as krr

root = pathlib.Path(sys.argv[1])
x = np.random.default_rng(0).integers(0, 256, (8, 20, 24, 3), "uint8")
for number, image in enumerate(x):
    file = root / "photos" / "ab"[number % 2] / f"{number}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file)
krr.data.write_prepared(krr.data.from_folder(root / "photos"), root / "shards", verbose=0)
recipe = krr.A2(classes=2, epochs=1, warmup_epochs=0, batch_size=4, train_size=16, test_size=16)
model = keras.Sequential(
    [keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
)
for data in ((x, np.arange(8) % 2), root / "photos", root / "shards"):
    recipe.fit(data, model=model, validation_data=data, verbose=0)
    assert recipe.evaluate(model, data, verbose=0)["images"] == 8
(first, *_) = recipe.predict(model, [root / "photos"], top=1)
assert first.labels and first.error is None
assert not [name for name in sys.modules if name.partition(".")[0] == "tensorflow"]
print("trained on", keras.backend.backend())
"""


@pytest.mark.full
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_arrays_folders_and_shards_work_without_tensorflow(backend, tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"trained on {backend}"
