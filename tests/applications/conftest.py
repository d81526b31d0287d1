"""Networks with the goldens' weights, each built once: building takes most of the time here."""

import functools

import pytest

from keras_resnet_recipes import applications
from tests.applications.name_weights import fill


@pytest.fixture(scope="session")
def named_network():
    """`named_network("ResNet18")`: logits of normalized images, weights of the goldens."""

    @functools.cache
    def build(name):
        network = getattr(applications, name)
        return network(classifier_activation=None, include_preprocessing=False)

    def fill_again(name):
        model = build(name)
        fill(model)
        return model

    return fill_again
