"""Data sets that TensorFlow Datasets prepares locally, read by name; nothing is downloaded."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

import keras_resnet_recipes as krr


def pixels(number):
    return np.random.default_rng(number).integers(0, 256, (20, 24, 3), "uint8")


class SmallImages(tfds.core.GeneratorBasedBuilder):
    """24 training and 8 test images of two classes."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, _):
        return {"train": self._generate_examples(0, 24), "test": self._generate_examples(24, 32)}

    def _generate_examples(self, first, end):
        for number in range(first, end):
            yield number, {"image": pixels(number), "label": number % 2}


class OnlyTrain(SmallImages):
    """A data set with one split, like many."""

    def _split_generators(self, _):
        return {"train": self._generate_examples(0, 24)}


@pytest.fixture(scope="module", autouse=True)
def prepared(tmp_path_factory):
    """One data set stored as TFRecords, the default of TFDS for years, and one for random access."""
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    SmallImages(data_dir=folder).download_and_prepare()
    OnlyTrain(data_dir=folder, file_format="array_record").download_and_prepare()
    # Until the end of the process; no other data sets have these names.
    tfds.core.add_data_dir(folder)
    return folder


def decoded(pairs):
    return {krr.data.decode(contents).tobytes(): label for contents, label in pairs}


def expected(numbers):
    return {pixels(number).tobytes(): number % 2 for number in numbers}


def read_all(data):
    return decoded(data.read(index) for index in range(data.size))


@pytest.mark.parametrize(
    ("split", "numbers"), [("train", range(24)), ("validation", range(24, 32))]
)
def test_every_image_of_a_data_set_stored_as_records_is_read(split, numbers):
    data = krr.data.from_source("tfds:small_images", split=split)
    assert isinstance(data, krr.data.ImageStream)
    assert (data.size, data.classes, data.class_names) == (len(numbers), 2, ("cat", "dog"))
    assert decoded((image, label) for _, image, label in data.in_order()) == expected(numbers)
    examples = list(itertools.islice(data.shuffled(1), data.size))
    assert decoded((image, label) for _, image, label in examples) == expected(numbers)
    assert [number % 2 for number in numbers] != [label for *_, label in examples]


def test_a_data_set_for_random_access_is_read_in_any_order():
    data = krr.data.from_source("tfds:only_train")
    assert isinstance(data, krr.data.ImageDataset)
    assert (data.size, data.class_names) == (24, ("cat", "dog"))
    contents, label = data.read(23)
    assert isinstance(contents, bytes)
    assert read_all(data) == expected(range(24))
    assert data.read(23) == (contents, label)
    assert data.describe(23) == "image 23 of tfds:only_train"


def test_splits_equal_those_of_tfds():
    parts = [
        read_all(krr.data.from_tfds("only_train", split))
        for split in ("train[:75%]", "train[75%:]")
    ]
    assert [len(part) for part in parts] == [18, 6]
    assert parts[0] | parts[1] == expected(range(24))
    both = krr.data.from_tfds("small_images", "train+test")
    assert decoded((image, label) for _, image, label in both.in_order()) == expected(range(32))


def test_the_error_for_a_data_set_of_one_split_suggests_parts():
    with pytest.raises(
        ValueError,
        match=r"one of train. Received: split='validation'. .*split='train\[:90%\]'\) for training",
    ):
        krr.data.from_source("tfds:only_train", split="validation")
    with pytest.raises(
        ValueError, match=r"must be one of .*train.*. Received: split='train\[:9\]\+extra'"
    ):
        krr.data.from_tfds("small_images", "train[:9]+extra")


def test_labels_follow_the_names_of_the_training_data():
    data = krr.data.from_source("tfds:only_train", class_names=("dog", "cow", "cat"))
    assert read_all(data) == {pixels(n).tobytes(): (2, 0)[n % 2] for n in range(24)}


WITHOUT = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.split(".")[0] == "tensorflow" else find(name, *rest)
import tensorflow_datasets as tfds, keras_resnet_recipes as krr
builder = tfds.builder_from_directory(sys.argv[1])
tfds.builder = lambda name, **_: builder
data = krr.data.from_source("tfds:only_train")
assert data.size == 24 and krr.data.decode(data.read(3)[0]).shape == (20, 24, 3)
"""


def test_random_access_needs_no_tensorflow():
    folder = tfds.builder("only_train").data_dir
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.full
def test_the_command_trains_on_it(prepared, tmp_path):
    command = [sys.executable, "-m", "keras_resnet_recipes", "train", "A3"]
    command += ["--data", "tfds:small_images:1.0.0", "--val", "tfds:small_images"]
    command += ["--rescale", "8", "--run-dir", str(tmp_path / "run")]
    changes = ["network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=16", "test_size=16"]
    for change in [*changes, "rand_augment=None"]:
        command += ["--set", change]
    environment = {**os.environ, "TFDS_DATA_DIR": str(prepared)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("trained 1 epoch, loss ")
    assert "top-1" in done.stdout.splitlines()[-1]
