"""Statements of docs/moving.md for users of keras.applications."""

import inspect

import keras
import pytest

import keras_resnet_recipes as krr

pytestmark = pytest.mark.every_backend


def test_the_arguments_are_those_of_keras_applications():
    theirs = inspect.signature(keras.applications.ResNet50).parameters
    ours = inspect.signature(krr.applications.ResNet50).parameters
    assert {*theirs} - {*ours} == {"input_tensor"}
    for name in {*theirs} & {*ours} - {"weights", "name"}:
        assert ours[name].default == theirs[name].default


@pytest.mark.one_backend
def test_a_network_of_keras_applications_has_other_variables():
    theirs = keras.applications.ResNet50(weights=None)
    ours = krr.applications.ResNet50()
    counts = [sum(weight.size for weight in model.get_weights()) for model in (theirs, ours)]
    norms = [layer for layer in theirs.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert counts == [25_636_712, 25_610_152]
    assert (norms[0].epsilon, norms[0].momentum) == (1.001e-5, 0.99)
