"""What a recipe's field is: a typed value with a default, a line of help and its legal range."""

import dataclasses
import math
import types
import typing
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.names import closest

__all__ = ["checked", "closest", "setting", "shown"]


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    none: str = "off",
) -> Any:
    """Declares one field of `Recipe`.

    Args:
        default: The neutral value.
        help: One line that says what the field does, with its unit.
        choices: Legal values of a text field.
        minimum: Smallest legal number, itself legal.
        maximum: Largest legal number, itself legal.
        above: Number below all legal ones, itself not legal.
        none: How tables show the value `None`.

    Returns:
        A `dataclasses.field`.
    """
    limits = {"choices": choices, "minimum": minimum, "maximum": maximum, "above": above}
    return dataclasses.field(default=default, metadata={"help": help, "none": none, **limits})


def checked(field: dataclasses.Field[Any], value: Any) -> Any:
    """The value in the field's own type (a list becomes a tuple, 1 becomes 1.0).

    None is legal where its type says so, and where nobody published a value.

    Raises:
        ValueError: If the value is of another type or outside the field's range.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None and is_unpublished(field):
        return None
    converted = _converted(value, field.type)
    if converted is _NO_MATCH or not _in_range(converted, field.metadata):
        hint = closest(value, field.metadata["choices"] or ()) if isinstance(value, str) else ""
        if isinstance(converted, float) and 1 << 63 <= abs(converted) < math.inf:
            hint = " No number of a recipe is as large as 2**63."
        raise ValueError(f"`{field.name}` must be {_legal(field)}; received {value!r}.{hint}")
    return converted


def shown(field: dataclasses.Field[Any], value: Any) -> str:
    """The value as a table shows it."""
    if value is None:
        return "not published" if is_unpublished(field) else field.metadata["none"]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"{number:.6g}" for number in value) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def is_unpublished(field: dataclasses.Field[Any]) -> bool:
    """Whether nobody published a value of this field, which then is None until somebody gives one."""
    return field.metadata.get("unpublished", False)


_NO_MATCH = object()


def _converted(value: Any, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        options = (_converted(value, option) for option in typing.get_args(hint))
        return next((option for option in options if option is not _NO_MATCH), _NO_MATCH)
    if hint is type(None):
        return None if value is None else _NO_MATCH
    if typing.get_origin(hint) is tuple:
        return _converted_tuple(value, typing.get_args(hint))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1 << 63 else _NO_MATCH
    # bool is a kind of int in Python, but `epochs=True` is a mistake.
    fits = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    return value if fits else _NO_MATCH


def _converted_tuple(value: Any, hints: tuple[Any, ...]) -> Any:
    if not isinstance(value, list | tuple):
        return _NO_MATCH
    if hints[-1] is Ellipsis:
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        return _NO_MATCH
    items = tuple(_converted(item, hint) for item, hint in zip(value, hints, strict=True))
    return _NO_MATCH if _NO_MATCH in items else items


def _in_range(value: Any, limits: typing.Mapping[str, Any]) -> bool:
    if value is None:
        return True
    if isinstance(value, str):
        return limits["choices"] is None or value in limits["choices"]
    numbers = value if isinstance(value, tuple) else (value,)
    lowest, highest, below = limits["minimum"], limits["maximum"], limits["above"]
    return all(
        abs(number) < 1 << 63  # NaN, infinity and what no tensor holds are no settings
        and (lowest is None or number >= lowest)
        and (highest is None or number <= highest)
        and (below is None or number > below)
        for number in numbers
    )


def _legal(field: dataclasses.Field[Any]) -> str:
    limits, options = field.metadata, typing.get_args(field.type) or (field.type,)
    if limits["choices"] is not None:
        text = "one of " + ", ".join(repr(choice) for choice in limits["choices"])
    else:
        bounds = {"at least": "minimum", "above": "above", "at most": "maximum"}
        known = [f"{word} {limits[key]}" for word, key in bounds.items() if limits[key] is not None]
        hint = field.type if typing.get_origin(field.type) is tuple else options[0]
        text = " ".join([_type_name(hint), " and ".join(known)]).strip()
    return text + (" or None" if type(None) in options else "")


def _type_name(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        items = typing.get_args(hint)
        return "numbers" if items[-1] is Ellipsis else f"{len(items)} numbers"
    return {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}[hint]
