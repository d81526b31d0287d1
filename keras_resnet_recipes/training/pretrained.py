"""What training begins with if not with random weights."""

import os
from pathlib import Path

import keras

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications.published import is_tag
from keras_resnet_recipes.applications.weights import checked_path, classes_in
from keras_resnet_recipes.callbacks import LAST, PREVIOUS
from keras_resnet_recipes.recipe import BaseRecipe, load_recipe
from keras_resnet_recipes.training.saved import load_run


def check(recipe: BaseRecipe, model: keras.Model | None) -> None:
    """Raises ValueError where `weights` or `frozen_stages` make no sense beside `model`."""
    if recipe.weights is not None and model is not None:
        raise ValueError(
            f"`weights` must be None with `model`, which has its own; received {recipe.weights!r}."
        )
    if recipe.weights is None and model is None and recipe.frozen_stages:
        raise ValueError(
            f"`weights` must be given with frozen_stages={recipe.frozen_stages}, which would keep random "
            "ones for ever; received None and no `model`."
        )


def load(model: keras.Model, recipe: BaseRecipe, run_dir: str | os.PathLike[str] | None) -> None:
    """Gives a new network its recipe's `weights`; a classifier of other classes stays new.

    Args:
        model: The network.
        recipe: Its recipe.
        run_dir: A folder; with a save in it, which has later weights, nothing is loaded.

    Raises:
        ValueError: If there are no such weights, or they are of another network.
        ConnectionError, FileNotFoundError: If published weights cannot be downloaded.
    """
    begun = run_dir is not None and any((Path(run_dir) / n).is_file() for n in (LAST, PREVIOUS))
    if recipe.weights is None or begun:
        return
    theirs = {layer.name: layer for layer in _source(recipe).layers}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            _check_colors(recipe, layer, theirs[layer.name])
        if not layer.weights:
            continue
        arrays = theirs[layer.name].get_weights() if layer.name in theirs else []
        if [array.shape for array in arrays] == [tuple(weight.shape) for weight in layer.weights]:
            layer.set_weights(arrays)
        else:
            # In the same network it can only be the classifier.
            print(
                f"`weights`: {recipe.weights} has other classes; the classifier of {recipe.classes} is new."
            )


def _source(recipe: BaseRecipe) -> keras.Model:
    """The recipe's network with the weights and, unless they are published, their classes."""
    if Path(recipe.weights).is_dir():
        network = load_recipe(recipe.weights).network
        if network != recipe.network:
            raise ValueError(
                f"`weights` {recipe.weights!r} must be a run with network={recipe.network!r}; it has "
                f"{network!r}."
            )
        return load_run(recipe.weights)
    if not isinstance(recipe.network, str):
        raise ValueError(
            f"`weights` must be a run folder or None for {recipe.network_name}. Received: weights={recipe.weights!r}"
        )
    build = getattr(applications, recipe.network)
    if is_tag(recipe.weights):
        return build(recipe.weights, classes=recipe.classes)
    classes = classes_in(checked_path(recipe.weights))
    return build(recipe.weights, classes=classes or 1, include_top=classes is not None)


def _check_colors(recipe: BaseRecipe, layer: keras.layers.Layer, other: keras.layers.Layer) -> None:
    ours, theirs = layer.get_config(), other.get_config()
    if any(ours[name] != theirs[name] for name in ("mean", "variance")):
        raise ValueError(
            f"`weights` {recipe.weights!r} expects images normalized in another way than the network's, which "
            f"a run folder does not keep. Give krr.applications.{recipe.network}(weights={recipe.weights!r}, "
            "classes=..., classifier_activation=None) as `model`, and weights=None."
        )
