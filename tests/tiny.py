"""A network that takes no time, for tests of what happens around a network.

Most of a short `fit` is the tracing of its network: nine blocks of ResNet-20 take seven seconds, one takes two.
"""

from contextlib import contextmanager
from unittest import mock

import keras

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications.blocks import basic_block
from keras_resnet_recipes.applications.convolution import batch_normalization, convolution
from keras_resnet_recipes.applications.network import network
from keras_resnet_recipes.applications.shortcuts import zero_padding


def tiny_features(images, drop_path_rate):
    """The stem of ResNet-20 and one of its blocks, with fewer channels and its layers' names."""
    x = convolution(images, 4, 3, strides=2, name="conv")
    x = keras.layers.ReLU(name="act")(batch_normalization(x, name="bn"))
    options = {"strides": 1, "drop_path_rate": drop_path_rate, "shortcut": zero_padding}
    return basic_block(x, 4, name="blocks_0", last_gamma="ones", **options)


@contextmanager
def tiny_resnet20():
    """Whoever asks for ResNet20 by name gets the tiny network: a recipe, a run folder, a command."""
    tiny = network(
        "ResNet20",
        tiny_features,
        summary="One block.",
        reference="None.",
        default_classes=10,
    )
    with mock.patch.object(applications, "ResNet20", tiny):
        yield


def tiny_model(classes=2, size=None, **dense):
    """A functional network of one small convolution with logits, to be given as `model=`."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 128, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, **dense)(x))
