"""Fields of a recipe: their declaration and the check of their values."""

import dataclasses
from typing import Any

from keras_resnet_recipes import applications
from keras_resnet_recipes.number import UNPUBLISHED, checked, number
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.keras_objects import KerasSchedule, wrapped_object
from keras_resnet_recipes.recipe.networks import checked_network


def part(default: Any, help: str, kind: type[Part], **options: Any) -> Any:
    """Declares a field that holds a part; options are `optional` and the text `none` for tables."""
    metadata = {**number(default, help).metadata, "part": kind, "optional": False, **options}
    return dataclasses.field(default=default, metadata=metadata)


def checked_field(field: "dataclasses.Field[Any]", value: Any) -> Any:
    """Returns a value in the type of its field; Keras objects and functions become parts."""
    if field.name == "learning_rate" and isinstance(wrapped_object(value), KerasSchedule):
        raise ValueError(
            "`learning_rate` must be a number; a schedule has a field of its own: "
            f"schedule={type(value).__name__}(...), learning_rate=None. "
            f"Received: learning_rate={type(value).__name__}(...)"
        )
    if field.name == "network":
        return checked_network(value, applications.NETWORKS)
    if "part" in field.metadata:
        if value is UNPUBLISHED:
            raise ValueError(
                f"`{field.name}` must not be UNPUBLISHED; only its numbers may be. Received: {field.name}=UNPUBLISHED"
            )
        several = isinstance(value, list | tuple)
        value = tuple(map(wrapped_object, value)) if several else wrapped_object(value)
    return checked(field, value, field.type)
