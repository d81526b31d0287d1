"""Frozen stages of a network."""

import keras

from keras_resnet_recipes.applications.features import trunk

# The value of `frozen_stages` that freezes all but the classifier, however many stages there are.
_ALL = 5


def freeze(model: keras.Model, stages: int) -> None:
    """Freezes the first stages of a model, BatchNorm statistics included.

    Args:
        model: A network of krr.applications; any model for 0 and 5 stages.
        stages: 0 freezes nothing, 1 the stem, each further number one more stage, 5 all but the classifier.

    Raises:
        ValueError: If the model has no known stages and `stages` is 1 to 4.
    """
    if stages == _ALL:
        layers = [layer for layer in model.layers if layer.weights][:-1]
    else:
        layers = trunk(model, stages - 1) if stages else []
    for layer in layers:
        layer.trainable = False
