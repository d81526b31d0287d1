"""Flat access: every number of a recipe has one name, whatever part holds it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import checked
from keras_resnet_recipes.part import Part, flat_name, hints, own_numbers
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.networks import ResNet9

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


# A field of the recipe, and the index of a part in it where it holds several.
Place = tuple[str, int | None]


@dataclasses.dataclass(frozen=True)
class Number:
    """One number of a recipe.

    Args:
        name: Its flat name.
        value: Its value.
        field: How it is declared; the metadata have help and range.
        place: The recipe's field, and within it the index of a part, or None, and the part's field.
        part: The part that holds it; None for a field of the recipe itself.
    """

    name: str
    value: Any
    field: "dataclasses.Field[Any]"
    place: tuple[str, int | None, str | None]
    part: Part | None = None


def numbers(recipe: "BaseRecipe") -> Iterator[Number]:
    """Every number of a recipe, in the order of its fields and parts.

    A part that stands twice has its second set of names with `_2` behind.
    """
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    inner = list(_numbers_of_parts(values))
    for field in dataclasses.fields(recipe):
        value = values[field.name]
        if not isinstance(value, Part) and not isinstance(value, tuple):
            yield Number(field.name, value, field, (field.name, None, None))
        yield from (one for one in inner if one.place[0] == field.name)


def labelled_parts(values: Mapping[str, Any]) -> dict[str, Place]:
    """Where each part is, by the name under which `replace` takes it out.

    Args:
        values: A recipe's fields by name.
    """
    return {label: place for label, place, _ in _labelled(values)}


def _labelled(values: Mapping[str, Any]) -> Iterator[tuple[str, Place, Part]]:
    seen: dict[str, int] = {}
    for field, value in values.items():
        for index, part in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(part, Part):
                place = (field, index if isinstance(value, tuple) else None)
                yield _counted(seen, part.label()), place, part


def _numbers_of_parts(values: Mapping[str, Any]) -> Iterator[Number]:
    seen: dict[str, int] = {}
    for _, place, part in _labelled(values):
        for own in own_numbers(part):
            name = _counted(seen, flat_name(type(part), own))
            yield Number(name, getattr(part, own.name), own, (*place, own.name), part)


def _counted(seen: dict[str, int], name: str) -> str:
    """The name, with `_2` behind the second time and so on."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}_{seen[name]}"


def resolved(
    values: dict[str, Any], changes: Mapping[str, Any], recipe: "type[BaseRecipe]"
) -> dict[str, Any]:
    """A recipe's fields after changes by field, by flat name, and `part=None`.

    Args:
        values: The fields so far.
        changes: New values by name.
        recipe: The class, for messages.

    Raises:
        ValueError: If a name is nobody's, or belongs to a part that is not there.
    """
    values = {**values, **{name: one for name, one in changes.items() if name in values}}
    if values["network"] == "ResNet9":
        values["network"] = ResNet9()  # so that its numbers can stand next to its name
    places = {one.name: one.place for one in _numbers_of_parts(values)}
    labels = labelled_parts(values)
    grouped: dict[Place, dict[str, Any]] = {}
    exchanged: dict[Place, Part | None] = {}
    for name in [name for name in changes if name not in values]:
        value = changes[name]
        if name in places:
            field, index, own = places[name]
            part = values[field] if index is None else values[field][index]
            grouped.setdefault((field, index), {})[own] = _checked(part, own, value, name)
        elif isinstance(value, Part | None) and name in labels:
            exchanged[labels[name]] = value
        elif value is not None or name not in {part.label() for part in known_parts().values()}:
            raise ValueError(_unknown(name, values, places, changes, recipe))
    for name in changes:
        if name in places and places[name][:2] in exchanged:
            raise ValueError(
                f"`{name}` is a number of a part that is taken out or replaced. Give only one."
            )
    for (field, index), own_changes in grouped.items():
        values[field] = _with(values[field], index, own_changes)
    # From the last one on, so that the places of the others stay.
    for (field, index), part in sorted(exchanged.items(), key=lambda one: -(one[0][1] or 0)):
        values[field] = _exchanged(values[field], index, part)
    return values


def _checked(part: Part, field: str, value: Any, name: str) -> Any:
    """A part's number in its own type; a message has the flat name, which was typed."""
    kind = type(part)
    return checked(kind.__dataclass_fields__[field], value, hints(kind)[field], name)


def _with(held: Any, index: int | None, changes: dict[str, Any]) -> Any:
    if index is None:
        return dataclasses.replace(held, **changes)
    return (*held[:index], dataclasses.replace(held[index], **changes), *held[index + 1 :])


def _exchanged(held: Any, index: int | None, part: Part | None) -> Any:
    """A field after one of its parts is replaced, or taken out for None."""
    if index is None:
        return part
    return (*held[:index], *([] if part is None else [part]), *held[index + 1 :])


def _unknown(
    name: str,
    values: Mapping[str, Any],
    places: Mapping[str, Any],
    changes: Mapping[str, Any],
    recipe: "type[BaseRecipe]",
) -> str:
    """What to say of a name that is no number of the recipe."""
    parts = known_parts()
    if name in (labels := labelled_parts(values)):
        field, index = labels[name]
        part = type(values[field] if index is None else values[field][index])
        numbers = ", ".join(f"`{flat}`" for flat in part.flat_names())
        return (
            f"`{name}` must be None, which takes it out, or {part.__name__}(...); its numbers are {numbers}. "
            f"Received: {name}={changes[name]!r}"
        )
    owners = [part for part in parts.values() if name in part.flat_names() or name == part.label()]
    if owners:
        names = " or ".join(sorted(part.__name__ for part in owners))
        return (
            f"`{name}` is a number of {names}, which {recipe.__name__} does not have. "
            f"Received: {name}=... Give the part itself, such as {_example(owners[0], recipe)}."
        )
    return f"`{recipe.__name__}` has no `{name}`.{closest(name, [*values, *places])}"


def _example(part: type[Part], recipe: "type[BaseRecipe]") -> str:
    """How a part is put into a recipe."""
    for field in dataclasses.fields(recipe):
        kind = field.metadata.get("part")
        if kind is not None and issubclass(part, kind):
            call = f"{part.__name__}(...)"
            several = field.name == "augmentation"
            return f"{field.name}=(..., {call})" if several else f"{field.name}={call}"
    return f"{'network=' if part is ResNet9 else ''}{part.__name__}(...)"
