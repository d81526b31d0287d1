"""Importing the package is light: no TensorFlow on another backend."""

import os
import subprocess
import sys

import pytest

import keras_resnet_recipes as krr

LIGHT = """
import sys, keras_resnet_recipes as krr, keras_resnet_recipes.cli
krr.A1(), krr.applications.ResNet20, krr.losses.BinaryCrossentropy(), krr.optimizers.Lamb(), krr.layers.MixUp(0.2)
print(sorted(name for name in ("tensorflow", "tensorflow_datasets") if name in sys.modules))
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_import_no_tensorflow(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", LIGHT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_exists():
    for name in krr.__all__:
        assert getattr(krr, name) is not None
    assert set(krr.__all__) <= set(dir(krr))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        krr.nothing  # noqa: B018
