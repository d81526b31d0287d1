"""Networks with the weights of the goldens, each built once, because building takes most of the time."""

import functools

import pytest

from keras_resnet_recipes import applications
from tests.applications.name_weights import fill, fill_statistics


@pytest.fixture(scope="session")
def named_network():
    """Function that returns a network by name, from normalized images to logits, with the goldens' weights."""

    @functools.cache
    def build(name):
        network = getattr(applications, name)
        model = network(classifier_activation=None, include_preprocessing=False)
        fill(model)
        return model

    def build_once(name):
        model = build(name)
        # A training step on TensorFlow and torch changes them.
        fill_statistics(model)
        return model

    return build_once
