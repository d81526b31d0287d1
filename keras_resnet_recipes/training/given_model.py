"""Checks of a model that a user gives."""

import keras

from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.recipe import BaseRecipe


def check_trainable(recipe: BaseRecipe, model: keras.Model, *, validated: bool) -> None:
    """Raises ValueError unless a recipe can train a model.

    Args:
        recipe: The recipe, its `classes` known.
        model: The model.
        validated: Whether it also gets images of `test_size`.
    """
    check_input(model)
    if model.output_shape[-1] != recipe.classes:
        raise ValueError(
            f"`model` must have {recipe.classes} outputs, one per class. Received: {model.output_shape[-1]} outputs"
        )
    if not gives_logits(model):
        raise ValueError(
            "`model` must return logits, because the recipe's loss applies the softmax or sigmoid. "
            "Received: a model that ends in an activation. Networks of keras.applications take classifier_activation=None."
        )
    for name in ("train_size", *(("test_size",) if validated else ())):
        check_size(model, name, getattr(recipe, name))


def check_input(model: keras.Model) -> None:
    """Raises ValueError unless a model maps one batch of images to one of scores."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model, such as krr.applications.ResNet50(...). Received: model={model!r}"
        )
    try:
        taken, given = model.input_shape, model.output_shape
    except (AttributeError, ValueError):
        raise ValueError(
            "`model` must be a functional or Sequential model that is built, with keras.Input. "
            f"Received: {model.name!r}, whose input is not known yet"
        ) from None
    if isinstance(taken, list | dict) or isinstance(given, list | dict) or len(given) != 2:
        raise ValueError(
            "`model` must have one input, images, and one output, (batch, classes). "
            f"Received: a model from {taken} to {given}"
        )


def check_size(model: keras.Model, name: str, size: int) -> None:
    """Raises ValueError unless a model takes images of a size, the recipe's field `name`."""
    shape = model.input_shape
    if len(shape) != 4 or shape[-1] not in (None, 3):
        raise ValueError(
            f"`model` must take RGB images, (batch, height, width, 3). Received: a model for {shape}"
        )
    height, width = shape[1:3]
    if height not in (None, size) or width not in (None, size):
        raise ValueError(
            f"`{name}` must be the input size of `model`, {height} x {width}. Received: {name}={size}"
        )
