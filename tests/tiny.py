"""Tiny networks for tests in which the architecture does not matter.

A short `fit` mostly traces its network: seven seconds for the nine blocks of ResNet-20, two for one block.
"""

from contextlib import contextmanager
from unittest import mock

import keras

import keras_resnet_recipes as krr
from keras_resnet_recipes import applications
from keras_resnet_recipes.applications.blocks import basic_block
from keras_resnet_recipes.applications.convolution import batch_normalization, convolution
from keras_resnet_recipes.applications.network import network
from keras_resnet_recipes.applications.shortcuts import zero_padding


def tiny_features(images, drop_path_rate):
    """The stem and one block of ResNet-20 with fewer channels and the same layer names."""
    x = convolution(images, 4, 3, strides=2, name="conv")
    x = keras.layers.ReLU(name="act")(batch_normalization(x, name="bn"))
    options = {"strides": 1, "drop_path_rate": drop_path_rate, "shortcut": zero_padding}
    return basic_block(x, 4, name="blocks_0", last_gamma="ones", **options)


@contextmanager
def tiny_resnet20():
    """Context manager: recipes, run folders and commands that name ResNet20 get the tiny network."""
    tiny = network(
        "ResNet20",
        tiny_features,
        summary="One block.",
        reference="None.",
        default_classes=10,
    )
    with mock.patch.object(applications, "ResNet20", tiny):
        yield


def plain_recipe(**changes):
    """A3 at 8 pixels in float32, without augmentation and warm-up."""
    values = {
        **{"network": "ResNet20", "warmup_epochs": 0, "train_size": 8, "test_size": 8},
        **{"test_crop_ratio": 1.0, "augmentation": (), "mix": None, "precision": "float32"},
    }
    return krr.A3(**{**values, **changes})


def tiny_model(classes=2, size=None, **dense):
    """Returns a functional model of one small convolution with logits, for use as `model=`."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 128, -1)(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, **dense)(x))
