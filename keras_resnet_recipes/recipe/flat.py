"""Flat names: access to every number of a recipe, independent of the part that holds it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.augment.rand_augment import of_timm
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import checked
from keras_resnet_recipes.part import Part, flat_name, hints, own_numbers
from keras_resnet_recipes.recipe.known import known_parts
from keras_resnet_recipes.recipe.networks import ConfigurableNetwork, with_numbers
from keras_resnet_recipes.recipe.timm_names import arguments

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


# A field of the recipe and, if the field holds several parts, the index of the part.
PartPath = tuple[str, int | None]


@dataclasses.dataclass(frozen=True)
class Number:
    """One number of a recipe.

    Args:
        name: Flat name.
        value: Value.
        field: Its dataclass field; the metadata contain help and range.
        path: Field of the recipe, index of the part in it or None, and field of the part or None.
        part: Part that holds the number; None for a field of the recipe itself.
    """

    name: str
    value: Any
    field: "dataclasses.Field[Any]"
    path: tuple[str, int | None, str | None]
    part: Part | None = None


def numbers(recipe: "BaseRecipe") -> Iterator[Number]:
    """Yields every number of a recipe, in the order of its fields and parts.

    If a part occurs twice, the names of the second one end with `_2`.
    """
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    inner = list(_numbers_of_parts(values))
    for field in dataclasses.fields(recipe):
        value = values[field.name]
        if not isinstance(value, Part) and not isinstance(value, tuple):
            yield Number(field.name, value, field, (field.name, None, None))
        yield from (number for number in inner if number.path[0] == field.name)


def labeled_parts(values: Mapping[str, Any]) -> dict[str, PartPath]:
    """Returns the path of each part by its label, the name that `replace` uses.

    Args:
        values: A recipe's fields by name.
    """
    return {label: path for label, path, _ in _labelled(values)}


def _labelled(values: Mapping[str, Any]) -> Iterator[tuple[str, PartPath, Part]]:
    seen: dict[str, int] = {}
    for field, value in values.items():
        for index, part in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(part, Part):
                path = (field, index if isinstance(value, tuple) else None)
                yield _numbered(seen, part.label()), path, part


def _numbers_of_parts(values: Mapping[str, Any]) -> Iterator[Number]:
    seen: dict[str, int] = {}
    for _, path, part in _labelled(values):
        for own in own_numbers(part):
            name = _numbered(seen, flat_name(type(part), own))
            yield Number(name, getattr(part, own.name), own, (*path, own.name), part)


def _numbered(seen: dict[str, int], name: str) -> str:
    """Appends `_2`, `_3`, ... to the second and later occurrences of a name."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name}_{seen[name]}"


def resolved(
    values: dict[str, Any], changes: Mapping[str, Any], recipe: "type[BaseRecipe]"
) -> dict[str, Any]:
    """Applies changes by field name, by flat name, or by part label to a recipe's fields.

    Args:
        values: Current fields by name.
        changes: New values by name.
        recipe: Class of the recipe, for messages.

    Returns:
        The new fields by name.

    Raises:
        ValueError: If a name is unknown, or belongs to a part that the recipe does not have.
    """
    values = {**values, **{name: one for name, one in changes.items() if name in values}}
    # So that the network's numbers can be given in the same call.
    values["network"] = with_numbers(values["network"])
    paths = {number.name: number.path for number in _numbers_of_parts(values)}
    labels = labeled_parts(values)
    grouped: dict[PartPath, dict[str, Any]] = {}
    exchanged: dict[PartPath, Part | None] = {}
    for name in [name for name in changes if name not in values]:
        value = changes[name]
        if name in paths:
            field, index, own = paths[name]
            part = values[field] if index is None else values[field][index]
            grouped.setdefault((field, index), {})[own] = _checked(part, own, value, name)
        elif isinstance(value, Part | None) and name in labels:
            exchanged[labels[name]] = value
        elif value is not None or name not in {part.label() for part in known_parts().values()}:
            raise ValueError(_unknown(name, values, paths, changes, recipe))
    for name in changes:
        if name in paths and paths[name][:2] in exchanged:
            raise ValueError(
                f"`{name}` must not be given if its part is removed or replaced. "
                f"Received: {name}={changes[name]!r}"
            )
    for (field, index), own_changes in grouped.items():
        values[field] = _with(values[field], index, own_changes)
    # In descending order, so that the remaining indices stay valid.
    for (field, index), part in sorted(exchanged.items(), key=lambda item: -(item[0][1] or 0)):
        values[field] = _exchanged(values[field], index, part)
    return values


def _checked(part: Part, field: str, value: Any, name: str) -> Any:
    """Returns a number in the type of its field; errors name the flat name, which the user gave."""
    kind = type(part)
    return checked(kind.__dataclass_fields__[field], value, hints(kind)[field], name)


def _with(value: Any, index: int | None, changes: dict[str, Any]) -> Any:
    if index is None:
        return dataclasses.replace(value, **changes)
    return (*value[:index], dataclasses.replace(value[index], **changes), *value[index + 1 :])


def _exchanged(value: Any, index: int | None, part: Part | None) -> Any:
    """Replaces a part of a field, or removes it if `part` is None."""
    if index is None:
        return part
    return (*value[:index], *([] if part is None else [part]), *value[index + 1 :])


def inner_changes(
    recipe: "BaseRecipe", kind: "type[BaseRecipe]", field: str
) -> dict[str, Any] | None:
    """Returns changed numbers of a field's parts by flat name; None if the field has other parts."""

    def numbers_by_path(recipe: "BaseRecipe") -> dict[tuple[Any, ...], Number]:
        found = (n for n in numbers(recipe) if n.path[0] == field)
        return {(type(n.part), *n.path): n for n in found}

    published = kind()
    before, after = numbers_by_path(published), numbers_by_path(recipe)
    if before.keys() != after.keys() or not after or next(iter(after))[0] is type(None):
        return None
    changes = {n.name: n.value for key, n in after.items() if n.value != before[key].value}
    # Parts can also differ in values that are no numbers, such as the configuration of a Keras layer.
    same = resolved(vars(published), changes, kind)[field] == getattr(recipe, field)
    return changes if same else None


def _unknown(
    name: str,
    values: Mapping[str, Any],
    paths: Mapping[str, Any],
    changes: Mapping[str, Any],
    recipe: "type[BaseRecipe]",
) -> str:
    """Returns the error message for a name that is no number of the recipe."""
    parts = known_parts()
    if name in (labels := labeled_parts(values)):
        field, index = labels[name]
        part = type(values[field] if index is None else values[field][index])
        numbers = ", ".join(f"`{flat}`" for flat in part.flat_names())
        return (
            f"`{name}` must be None, which removes it, or {part.__name__}(...). Its numbers are {numbers}. "
            f"Received: {name}={changes[name]!r}.{_of_timm(changes[name])}"
        )
    owners = [part for part in parts.values() if name in part.flat_names() or name == part.label()]
    if owners:
        names = " or ".join(sorted(part.__name__ for part in owners))
        return (
            f"`{name}` requires {names}, which {recipe.__name__} does not have. "
            f"Received: {name}={changes[name]!r}. Give the part itself, such as {_example(owners[0], recipe)}."
            f"{_of_timm(changes[name])}"
        )
    known = _meant(name, recipe, values)
    hint = f" Did you mean `{known}`?" if known else closest(name, [*values, *paths])
    return f"`{recipe.__name__}` has no `{name}`.{hint}{_of_timm(changes[name])}"


def meant(recipe: "BaseRecipe", name: str) -> str | None:
    """Returns the flat name of what has a name in a recipe, in timm or elsewhere; None if there is none.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> [meant(krr.A1(), name) for name in ("epochs", "lr", "wd", "img_size", "warmup", "metrics")]
        ['epochs', 'learning_rate', 'weight_decay', 'train_size', 'warmup_epochs', None]
    """
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    return _meant(name, type(recipe), values)


def _meant(name: str, recipe: "type[BaseRecipe]", values: Mapping[str, Any]) -> str | None:
    fields = {field.name: field for field in dataclasses.fields(recipe)}
    fields |= {number.name: number.field for number in _numbers_of_parts(values)}
    if name in fields:
        return name
    also = [own for own, field in fields.items() if name in field.metadata.get("also", ())]
    _, in_timm = arguments().get(name, (None, ""))
    begun = [own for own in fields if own.startswith(f"{name}_")]
    return next((own for own in [*also, *in_timm.split(), *begun] if own in fields), None)


def not_assigned(recipe: "BaseRecipe", name: str, value: Any) -> None:
    """Raises the error of a frozen dataclass for an assignment, as `__setattr__` of a recipe."""
    text = repr(value)
    text = "..." if text.startswith("<") else text
    raise dataclasses.FrozenInstanceError(
        f"`{name}` cannot be assigned, because a recipe does not change. "
        f"Write recipe = recipe.replace({name}={text})."
    )


def _example(part: type[Part], recipe: "type[BaseRecipe]") -> str:
    """Returns the keyword argument that adds a part to a recipe."""
    for field in dataclasses.fields(recipe):
        kind = field.metadata.get("part")
        if kind is not None and issubclass(part, kind):
            call = f"{part.__name__}(...)"
            several = isinstance(field.default, tuple)
            return f"{field.name}=(..., {call})" if several else f"{field.name}={call}"
    return f"{'network=' if issubclass(part, ConfigurableNetwork) else ''}{part.__name__}(...)"


def _of_timm(value: Any) -> str:
    """Returns a hint for one of timm's strings of RandAugment."""
    policy = of_timm(value)[0] if isinstance(value, str) else None
    if policy is None:
        return ""
    here = f"RandAugment(magnitude={policy.magnitude}, std={policy.std})"
    return f" timm's {value!r} is rand_augment={here}."
