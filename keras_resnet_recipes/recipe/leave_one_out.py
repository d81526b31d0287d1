"""A recipe without each of its ingredients."""

import dataclasses
from typing import TYPE_CHECKING

from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.flat import labelled_parts

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


def leave_one_out(recipe: "BaseRecipe") -> dict[str, "BaseRecipe"]:
    """The recipes that lack one ingredient, by the name of what is missing.

    An ingredient is an augmentation, an optional part, or a number whose declaration says at which
    value it is off.

    >>> import keras_resnet_recipes as krr
    >>> list(leave_one_out(krr.He2015CIFAR()))
    ['weight_decay', 'pad_and_crop', 'random_flip']
    """
    found: dict[str, BaseRecipe] = {}
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    parts = labelled_parts(values)
    numbers = list(recipe.numbers())
    for field in dataclasses.fields(recipe):
        for one in numbers:
            off = one.field.metadata.get("off", ...)
            if (
                one.place[0] == field.name
                and off is not ...
                and one.value not in (off, UNPUBLISHED)
            ):
                found[one.name] = recipe.replace(**{one.name: off})
        if isinstance(values[field.name], Part) and field.metadata.get("optional", False):
            found[field.name] = recipe.replace(**{field.name: None})
        for label, (where, index) in parts.items():
            if where == field.name and index is not None:
                found[label] = recipe.replace(**{label: None})
    return found
