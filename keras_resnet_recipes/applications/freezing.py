"""Frozen stages of a network."""

import weakref
from collections.abc import Iterator

import keras

from keras_resnet_recipes.applications.features import trunk

# Number of stages that freezes all but the classifier, of any network.
ALL_STAGES = 5
# Layers frozen here, to tell them from those that users froze.
_FROZEN: "weakref.WeakSet[keras.layers.Layer]" = weakref.WeakSet()


def freeze(model: keras.Model, stages: int) -> None:
    """Freezes the first stages of a model, BatchNorm statistics included.

    Layers that an earlier call froze are trainable again first. What users froze stays frozen.

    Args:
        model: A network of krr.applications; any model for 0 and 5 stages.
        stages: 0 freezes nothing, 1 the stem, each further number one more stage, 5 all but the classifier, the last
            layer with weights, also inside a model in the model.

    Raises:
        ValueError: If the model has no known stages and `stages` is 1 to 4.

    Example:
        >>> from keras_resnet_recipes.applications import ResNet20
        >>> model = ResNet20()
        >>> freeze(model, 5)
        >>> len(model.trainable_weights)
        2
        >>> freeze(model, 0)
        >>> len(model.trainable_weights) > 2
        True
    """
    if stages == ALL_STAGES:
        layers = [layer for layer in leaves(model) if layer.weights][:-1]
    else:
        layers = trunk(model, stages - 1) if stages else []
    for layer in leaves(model):
        if layer in _FROZEN:
            layer.trainable = True
            _FROZEN.discard(layer)
    for layer in layers:
        if layer.trainable:
            layer.trainable = False
            _FROZEN.add(layer)


def frozen_by_user(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers with weights that are frozen, but not by `freeze`."""
    return [
        layer
        for layer in leaves(model)
        if layer.weights and not layer.trainable and layer not in _FROZEN
    ]


def leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model and of the models inside it, in the order of its graph."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer
