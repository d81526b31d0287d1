"""Which weights stay what they are."""

import keras

from keras_resnet_recipes.applications.features import trunk

# Of `frozen_stages`, in a network of however many.
_ALL = 5


def freeze(model: keras.Model, stages: int) -> None:
    """Has a model's first layers keep their weights, and its batch norm there its statistics.

    Args:
        model: A network of krr.applications, for all stages any model.
        stages: 0 is none, 1 the stem, each further number one more of `applications.stages`, 5 all but the
            classifier.

    Raises:
        ValueError: If the model is another one, and neither all nor nothing of it is to be frozen.
    """
    if stages == _ALL:
        layers = [layer for layer in model.layers if layer.weights][:-1]
    else:
        layers = trunk(model, stages - 1) if stages else []
    for layer in layers:
        layer.trainable = False
