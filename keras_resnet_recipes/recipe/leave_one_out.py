"""Leave-one-out variants of a recipe."""

import dataclasses
from typing import TYPE_CHECKING

from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.flat import labeled_parts

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


def leave_one_out(recipe: "BaseRecipe") -> dict[str, "BaseRecipe"]:
    """Returns the recipes that lack one ingredient, by the name of the missing ingredient.

    Ingredients are augmentations, optional parts, and numbers declared with an `off` value.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> list(leave_one_out(krr.He2015CIFAR()))
        ['weight_decay', 'pad_and_crop', 'random_flip']
    """
    found: dict[str, BaseRecipe] = {}
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    parts = labeled_parts(values)
    numbers = list(recipe.numbers())
    for field in dataclasses.fields(recipe):
        for number in numbers:
            off = number.field.metadata.get("off", ...)
            if (
                number.path[0] == field.name
                and off is not ...
                and number.value not in (off, UNPUBLISHED)
            ):
                found[number.name] = recipe.replace(**{number.name: off})
        if isinstance(values[field.name], Part) and field.metadata.get("optional", False):
            found[field.name] = recipe.replace(**{field.name: None})
        for label, (owner, index) in parts.items():
            if owner == field.name and index is not None:
                found[label] = recipe.replace(**{label: None})
    return found
