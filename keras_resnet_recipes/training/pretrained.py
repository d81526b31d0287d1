"""Pretrained weights of a network."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications.published import is_tag
from keras_resnet_recipes.applications.weights import checked_path, classes_in
from keras_resnet_recipes.recipe import BaseRecipe, load_recipe
from keras_resnet_recipes.recipe.optimizers import classifier
from keras_resnet_recipes.runs.checkpoints import LAST
from keras_resnet_recipes.training.load_run import load_run


def load(
    model: keras.Model,
    recipe: BaseRecipe,
    run_dir: str | os.PathLike[str] | None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Loads the recipe's `weights` into a new network; a classifier for other classes keeps its random ones.

    Args:
        model: The network.
        recipe: Its recipe.
        run_dir: The run folder; if it has a checkpoint, nothing is loaded.
        class_names: Names of the classes, in the order of the labels, if they have any.

    Raises:
        ValueError: If there are no such weights, or they are of another network.
        ConnectionError, FileNotFoundError: If published weights cannot be downloaded.
    """
    begun = run_dir is not None and (Path(run_dir) / LAST).is_file()
    if recipe.weights is None or begun:
        return
    source = _source(recipe)
    theirs = {layer.name: layer for layer in source.layers}
    names = getattr(source, "class_names", None)
    if names and class_names and names != tuple(class_names):
        # As many classes may be others.
        del theirs[classifier(source)]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            _check_colors(recipe, layer, theirs[layer.name])
        if not layer.weights:
            continue
        arrays = theirs[layer.name].get_weights() if layer.name in theirs else []
        if [array.shape for array in arrays] == [tuple(weight.shape) for weight in layer.weights]:
            layer.set_weights(arrays)
        else:
            # In the same network only the classifier can differ.
            print(
                f"`weights`: {recipe.weights} has other classes; the classifier of {recipe.classes} classes is new."
            )


def _source(recipe: BaseRecipe) -> keras.Model:
    """Returns the recipe's network with the weights, and their classes unless they are published."""
    if Path(recipe.weights).is_dir():
        network = load_recipe(recipe.weights).network
        if network != recipe.network:
            raise ValueError(
                f"`weights` must be a run with network={recipe.network!r}. "
                f"Received: weights={recipe.weights!r}, a run with network={network!r}"
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
            "`weights` must expect images normalized as the network's. "
            f"Received: weights={recipe.weights!r}, with another mean or variance, which a run folder does not record. "
            f"Give krr.applications.{recipe.network}(weights={recipe.weights!r}, classes=..., "
            "classifier_activation=None) as `model`, and weights=None."
        )
