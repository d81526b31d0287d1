"""What a model that a user gives must be like."""

import keras

from keras_resnet_recipes.inference import gives_logits
from keras_resnet_recipes.recipe import BaseRecipe


def check_trainable(recipe: BaseRecipe, model: keras.Model, *, validated: bool) -> None:
    """Raises ValueError unless a recipe can train a model: its outputs, what they are, and its input.

    Args:
        recipe: The recipe, its `classes` known.
        model: What the user gave.
        validated: Whether pictures of `test_size` come, too.
    """
    check_input(model)
    if model.output_shape[-1] != recipe.classes:
        raise ValueError(
            f"`model` must have {recipe.classes} outputs, one a class; received {model.output_shape[-1]}."
        )
    if not gives_logits(model):
        raise ValueError(
            "`model` must give logits, for the recipe's loss takes the softmax or sigmoid itself; received one "
            "that ends in an activation. Networks of keras.applications take classifier_activation=None."
        )
    for name in ("train_size", *(("test_size",) if validated else ())):
        check_size(model, name, getattr(recipe, name))


def check_input(model: keras.Model) -> None:
    """Raises ValueError unless a model takes one batch of RGB pictures and gives one of scores."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"`model` must be a Keras model, such as krr.applications.ResNet50(...); received {model!r}."
        )
    try:
        taken, given = model.input_shape, model.output_shape
    except (AttributeError, ValueError):
        raise ValueError(
            "`model` must be a functional or Sequential model that is built, with keras.Input; "
            f"received {model.name!r}, whose input is not known yet."
        ) from None
    if isinstance(taken, list | dict) or isinstance(given, list | dict) or len(given) != 2:
        raise ValueError(
            "`model` must have one input, pictures, and one output, (batch, classes); received "
            f"{taken} and {given}."
        )


def check_size(model: keras.Model, name: str, size: int) -> None:
    """Raises ValueError unless a model takes pictures of a size, which the recipe's field `name` is."""
    shape = model.input_shape
    if len(shape) != 4 or shape[-1] not in (None, 3):
        raise ValueError(
            f"`model` must take RGB pictures, (batch, height, width, 3); received one for {shape}."
        )
    height, width = shape[1:3]
    if height not in (None, size) or width not in (None, size):
        raise ValueError(
            f"`{name}` must be the size of the pictures that `model` takes, {height} x {width}; received {size}."
        )
