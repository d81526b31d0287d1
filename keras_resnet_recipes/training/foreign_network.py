"""Networks of other people, built by a function with the signature of `keras.applications`."""

import inspect
from typing import Any

import keras

from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.applications.plain import check_plain
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD
from keras_resnet_recipes.recipe import BaseRecipe

_NORMALIZING = (keras.layers.Rescaling, keras.layers.Normalization)


def foreign_network(recipe: BaseRecipe) -> keras.Model:
    """Builds a network from images of 0..255 to logits, with random weights.

    A network of keras.applications that does not normalize its images gets a layer with ImageNet's mean and standard
    deviation in front. Values of the recipe that it has no argument for are printed.

    Raises:
        ValueError: If the function does not build such a network.
    """
    function = recipe.network.function()
    legal = inspect.signature(function).parameters
    size = recipe.train_size
    options: dict[str, Any] = {
        "weights": None,
        "classes": recipe.classes,
        "classifier_activation": None,
        "input_shape": (size, size, 3),
        "drop_path_rate": recipe.drop_path_rate,
    }
    takes_all = any(one.kind is one.VAR_KEYWORD for one in legal.values())
    given = {name: value for name, value in options.items() if takes_all or name in legal}
    model = function(**given)
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`network` must build a keras.Model. Received: {recipe.network.name}, which returns {type(model).__name__}"
        )
    check_plain("network", model)
    if not gives_logits(model):
        raise ValueError(
            f"`network` must return logits with `classifier_activation=None`. Received: "
            f"{recipe.network.name}, whose model ends in {model.layers[-1].name!r}"
        )
    normalizes = any(isinstance(layer, _NORMALIZING) for layer in model.layers[:4])
    if not normalizes and "input_tensor" in legal and recipe.network.module == "keras.applications":
        inputs = keras.Input((size, size, 3))
        variance = [one**2 for one in IMAGENET_STD]
        normalized = keras.layers.Normalization(mean=IMAGENET_MEAN, variance=variance)(inputs)
        model = function(**given, input_tensor=normalized)
    unused = {"zero_gamma": recipe.zero_gamma}
    if "drop_path_rate" not in given:
        unused["drop_path_rate"] = recipe.drop_path_rate
    unused["initialization"] = recipe.initialization
    ignored = [f"{name}={value}" for name, value in unused.items() if value]
    if ignored:
        print(f"`network`: {recipe.network.name} has no {' and no '.join(ignored)} to set.")
    return model
