"""Networks with the goldens' weights, each built once: building takes most of the time here."""

import functools

import pytest

from keras_resnet_recipes import applications
from tests.applications.name_weights import fill, fill_statistics


@pytest.fixture(scope="session")
def named_network():
    """`named_network("ResNet18")`: logits of normalized images, weights of the goldens."""

    @functools.cache
    def build(name):
        network = getattr(applications, name)
        model = network(classifier_activation=None, include_preprocessing=False)
        fill(model)
        return model

    def build_once(name):
        model = build(name)
        # A training step on TensorFlow and torch moves them.
        fill_statistics(model)
        return model

    return build_once
