"""Every kind of data set that `from_source` accepts."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr

ARRAYS = (np.zeros((2, 4, 4, 3), "uint8"), np.arange(2))


def test_each_kind_is_recognized(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "1.png")
    data = krr.data.from_source(ARRAYS)
    assert krr.data.from_source(data) is data
    assert krr.data.from_source(list(ARRAYS)).size == 2
    assert krr.data.from_source(tf.data.Dataset.from_tensor_slices(ARRAYS)).size == 2
    assert krr.data.from_source(tmp_path).class_names == ("a",)
    assert krr.data.from_source(str(tmp_path)).class_names == ("a",)


@pytest.mark.parametrize("source", [None, 3, {"x": 1}, np.zeros(3), (1, 2, 3), b"bytes", [1]])
def test_the_error_for_other_kinds_lists_the_legal_ones(source):
    with pytest.raises(
        ValueError, match=r"existing folder .* TFDS name .* arrays .* tf.data.Dataset"
    ):
        krr.data.from_source(source)


@pytest.mark.parametrize("name", ["./none", "/none/at/all", "~/none", "../none"])
def test_a_missing_path_is_not_taken_for_a_tfds_name(name):
    with pytest.raises(ValueError, match=r"must be an existing folder. Received: path="):
        krr.data.from_source(name)


def test_the_limit_of_pixels_can_be_raised(tmp_path):
    (tmp_path / "a").mkdir()
    Image.new("1", (10000, 9000)).save(tmp_path / "a" / "1.png")
    data = krr.data.from_source(tmp_path)
    contents, _ = data.read(0)
    with pytest.raises(
        krr.data.UnreadableImage,
        match=r"krr.data.from_source\(..., max_pixels=90000000\) raises it",
    ):
        krr.data.opened(contents, data.max_pixels)
    data = krr.data.from_source(tmp_path, max_pixels=90000000)
    assert krr.data.opened(contents, data.max_pixels).height == 9000


WITHOUT = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] in ("tensorflow", "keras") else find(name, *rest)
import numpy as np, keras_resnet_recipes as krr
from pathlib import Path
from PIL import Image
folder = Path(sys.argv[1])
for name in "ab":
    (folder / "raw" / name).mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(folder / "raw" / name / "1.jpg")
(folder / "list.csv").write_text("raw/a/1.jpg,x\\nraw/b/1.jpg,y\\n")
np.savez(folder / "some.npz", x_train=np.zeros((2, 4, 4), "uint8"), y_train=[0, 1])
raw = krr.data.from_source(folder / "raw")
krr.data.write_prepared(raw, folder / "prepared", shorter_side=20)
made = [krr.data.from_source(folder / name) for name in ("raw", "list.csv", "some.npz", "prepared")]
made.append(krr.data.from_indexable([(Image.new("L", (4, 4)), 1)] * 3))
for data in made:
    image, label = data.read(1)
    assert label == 1 and krr.data.opened(image, data.max_pixels).rgb().ndim == 3
    krr.data.mean_image(data)
assert not [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "jax", "torch")]
"""


@pytest.mark.full
def test_nothing_here_needs_tensorflow_or_keras(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
