"""A data set that TensorFlow Datasets has prepared on this machine, read by name; nothing is downloaded."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import keras_resnet_recipes as krr


def pixels(number):
    return np.random.default_rng(number).integers(0, 256, (20, 24, 3), "uint8")


class SmallPictures(tfds.core.GeneratorBasedBuilder):
    """24 pictures for training and 8 for testing, of two classes."""

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


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    SmallPictures(data_dir=folder).download_and_prepare()
    return folder


def test_every_image_of_a_prepared_data_set_is_read(prepared):
    # For the rest of the process; nothing else has a data set of this name.
    tfds.core.add_data_dir(prepared)
    for split, numbers in (("train", range(24)), ("validation", range(24, 32))):
        data = krr.data.from_source("tfds:small_pictures", split=split)
        assert (data.size, data.classes, data.class_names) == (len(numbers), 2, ("cat", "dog"))
        read = [data.read(item) for item in data.items(tf.constant([0, 1]))]
        made = {krr.data.decode(contents).numpy().tobytes(): int(label) for contents, label in read}
        assert made == {pixels(number).tobytes(): number % 2 for number in numbers}
        assert [number % 2 for number in numbers] != [int(label) for _, label in read]


def test_the_command_trains_on_it(prepared, tmp_path):
    command = [sys.executable, "-m", "keras_resnet_recipes", "train", "A3"]
    command += ["--data", "tfds:small_pictures:1.0.0", "--val", "tfds:small_pictures"]
    command += ["--rescale", "8", "--run-dir", str(tmp_path / "run")]
    changes = ["network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=16", "test_size=16"]
    for change in [*changes, "rand_augment=None"]:
        command += ["--set", change]
    environment = {**os.environ, "TFDS_DATA_DIR": str(prepared)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("trained 1 epochs, loss ")
    assert "top-1" in done.stdout.splitlines()[-1]
