"""A recipe without each of its ingredients."""

import dataclasses
from typing import TYPE_CHECKING

from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.part import Part

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
        value = getattr(recipe, field.name)
        if isinstance(value, tuple):
            for index, part in enumerate(value):
                rest = (*value[:index], *value[index + 1 :])
                found[_name(part, found)] = recipe.replace(**{field.name: rest})
        elif isinstance(value, Part) and field.metadata.get("optional", False):
            found[field.name] = recipe.replace(**{field.name: None})
    return found


def _name(part: Part, taken: dict[str, "BaseRecipe"]) -> str:
    name, count = part.label(), 1
    while name in taken:
        count += 1
        name = f"{part.label()}_{count}"
    return name
