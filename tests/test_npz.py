"""Arrays in memory and in .npz files, and training on them without TensorFlow."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.data.arrays import ImageArrays, has_test_images

X, Y = np.arange(4 * 6 * 5 * 3).astype("uint8").reshape(4, 6, 5, 3), np.array([0, 1, 2, 1])


def test_both_splits_of_an_npz_are_read(tmp_path):
    path = tmp_path / "some.npz"
    np.savez_compressed(path, x_train=X, y_train=Y[:, None], x_test=X[:2, ..., 0], y_test=Y[:2])
    train = ImageArrays.from_npz(path)
    np.testing.assert_array_equal(train.images, X)
    np.testing.assert_array_equal(train.labels, Y)
    assert train.name == f"train of {str(path)!r}"
    test = ImageArrays.from_npz(path, "validation")
    np.testing.assert_array_equal(test.rgb(), np.repeat(X[:2, ..., :1], 3, axis=-1))
    assert has_test_images(path)
    with pytest.raises(ValueError, match=r"`split` .* Received: split='test'"):
        ImageArrays.from_npz(path, "test")


def test_unusable_files_are_errors(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x_train=X, y_train=Y)
    with pytest.raises(ValueError, match="it has no x_test, only x_train, y_train"):
        ImageArrays.from_npz(path, "validation")
    assert not has_test_images(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot read"):
        ImageArrays.from_npz(path)
    assert not has_test_images(path)
    assert not has_test_images(tmp_path / "none.npz")
    with path.open("wb") as file:
        np.save(file, X)
    with pytest.raises(ValueError, match="it contains a single array"):
        ImageArrays.from_npz(path)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a file was unpickled",))


def test_objects_are_never_unpickled(tmp_path):
    path, objects = tmp_path / "bomb.npz", np.empty(1, object)
    objects[0] = Bomb()
    np.savez(path, x_train=objects, y_train=Y)
    with pytest.raises(ValueError, match="allow_pickle"):
        ImageArrays.from_npz(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="cannot read"):
        ImageArrays.from_npz(path)


def test_from_source_reads_an_npz(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2])
    for split, size in (("train", 4), ("validation", 2)):
        data = krr.data.from_source(path, split=split)
        assert data.size == size
        image, label = data.read(1)
        np.testing.assert_array_equal(image, X[1])
        assert int(label) == 1


# Hides TensorFlow, as if it were not installed.
WITHOUT = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.startswith("tensorflow") else find(name, *rest)
import numpy as np, keras_resnet_recipes as krr
from keras_resnet_recipes.training import load_run
x = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
y = np.arange(16) % 10
recipe = krr.DAWNBench(network="ResNet20", train_size=8, test_size=8, batch_size=8, epochs=1, cutout_size=4)
history = recipe.fit((x, y), verbose=0, run_dir=sys.argv[1])
assert int(history.model.optimizer.iterations) == 2
result = recipe.evaluate(load_run(sys.argv[1]), (x, y), verbose=0)
assert result["images"] == 16 and np.isfinite(result["loss"])
assert not [name for name in sys.modules if name.startswith("tensorflow")]
"""


@pytest.mark.full
def test_jax_trains_without_tensorflow(tmp_path):
    # Without it, half the time is spent on optimizing programs that run twice.
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    }
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
