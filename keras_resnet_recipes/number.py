"""Declaration, validation and display of the fields of recipes and parts."""

import dataclasses
import itertools
import numbers
import types
import typing
from collections.abc import Sequence
from typing import Any

from keras_resnet_recipes.names import closest


class Unpublished:
    """Type of `UNPUBLISHED`, the value of an unpublished number.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.B().learning_rate
        UNPUBLISHED
    """

    def __repr__(self) -> str:
        return "UNPUBLISHED"

    def __reduce__(self) -> str:
        return "UNPUBLISHED"


UNPUBLISHED: Any = Unpublished()
"""Placeholder for a number that a recipe's authors did not publish; `fit` raises an error that names it."""


def number(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    choices: Sequence[str] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    rising: bool = False,
    none: str = "off",
    flat: str | None = None,
    from_recipe: bool = False,
    off: Any = ...,
    kw_only: bool = False,
    scales: bool = False,
    also: Sequence[str] = (),
) -> Any:
    """Declares one field of a part or of a recipe.

    Args:
        default: The neutral value; a field without it is required.
        help: Description of the field in one line, with its unit.
        choices: Legal values of a string field.
        minimum: Smallest legal number, inclusive.
        maximum: Largest legal number, inclusive.
        above: Exclusive lower bound.
        rising: Whether the numbers of a tuple must not decrease.
        none: Text for `None` in tables.
        flat: The field's flat name, if it is not made of the class's prefix and the field's name.
        from_recipe: Whether the recipe sets the field when it uses the part, such as the size of a
            crop. Such a field is not in the recipe's table.
        off: Value that disables the ingredient, if there is one, for ablations.
        kw_only: Whether it is a keyword-only argument of the constructor.
        scales: Whether it is a time in epochs that is proportional to the length of the training, for
            `Recipe.shortened`. Of a pair, the first number is the time.
        also: Names that it has elsewhere, for messages.

    Returns:
        A `dataclasses.field`.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "rising": rising,
        "none": none,
        "flat": flat,
        "from_recipe": from_recipe,
        "off": off,
        "scales": scales,
        "also": also,
    }
    return dataclasses.field(default=default, metadata=metadata, kw_only=kw_only)


def checked(field: "dataclasses.Field[Any]", value: Any, hint: Any, name: str | None = None) -> Any:
    """Returns the value converted to the field's type: a list becomes a tuple, 1 becomes 1.0.

    Args:
        field: The field, declared by `number`.
        value: Its value; `UNPUBLISHED` is legal for every field.
        hint: The type of the field.
        name: Name in the message; by default the field's name.

    Raises:
        ValueError: If the value is of another type or outside the field's range.
    """
    if value is UNPUBLISHED:
        return value
    # NumPy's numbers are converted to Python's.
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    converted = _converted(value, hint)
    if converted is _NO_MATCH or not _in_range(converted, field.metadata):
        legal = _legal(field.metadata, hint)
        if isinstance(value, numbers.Real) and abs(value) >= 1 << 63:
            legal += ", less than 2**63"
        hint = closest(value, field.metadata["choices"] or ()) if isinstance(value, str) else ""
        name = name or field.name
        raise ValueError(
            f"`{name}` must be {legal}. Received: {name}={value!r}{hint and '.' + hint}"
        )
    return converted


def shown(value: Any, none: str = "off") -> str:
    """Returns a value as text for tables.

    Example:
        >>> shown(True), shown((0.08, 1.0)), shown(None, "ReLU"), shown(UNPUBLISHED)
        ('yes', '0.08, 1', 'ReLU', 'not published')
    """
    if value is UNPUBLISHED:
        return "not published"
    if value is None:
        return none
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return (
            ", ".join(f"({shown(one)})" if isinstance(one, tuple) else shown(one) for one in value)
            or "none"
        )
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


_NO_MATCH = object()


def _converted(value: Any, hint: Any) -> Any:
    if hint is Any:
        return tuple(value) if isinstance(value, list) else value
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        options = (_converted(value, option) for option in typing.get_args(hint))
        return next((option for option in options if option is not _NO_MATCH), _NO_MATCH)
    if hint is type(None):
        return None if value is None else _NO_MATCH
    if typing.get_origin(hint) is tuple:
        return _converted_tuple(value, typing.get_args(hint))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 1 << 63 else _NO_MATCH
    if not isinstance(hint, type):
        return value
    # In Python bool is a subclass of int, but `epochs=True` is a mistake.
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
    return _NO_MATCH if any(item is _NO_MATCH for item in items) else items


def _in_range(value: Any, limits: typing.Mapping[str, Any]) -> bool:
    if not limits or value is None:
        return True
    if isinstance(value, str):
        return limits["choices"] is None or value in limits["choices"]
    items = value if isinstance(value, tuple) else (value,)
    figures = [item for item in items if isinstance(item, numbers.Real)]
    lowest, highest, below = limits["minimum"], limits["maximum"], limits["above"]
    falls = limits["rising"] and any(a > b for a, b in itertools.pairwise(figures))
    return not falls and all(
        # NaN, infinity and integers that do not fit into a tensor are illegal.
        abs(figure) < 1 << 63
        and (lowest is None or figure >= lowest)
        and (highest is None or figure <= highest)
        and (below is None or figure > below)
        for figure in figures
    )


def _legal(limits: typing.Mapping[str, Any], hint: Any) -> str:
    options = typing.get_args(hint) if typing.get_origin(hint) is not tuple else ()
    options = options or (hint,)
    if limits and limits["choices"] is not None:
        text = "one of " + ", ".join(repr(choice) for choice in limits["choices"])
        if others := tuple(one for one in options if one not in (str, type(None))):
            text += f" or {_numeric(limits, others)}"
    else:
        text = _numeric(limits, options)
    return text + (" or None" if type(None) in options else "")


def _numeric(limits: typing.Mapping[str, Any], options: tuple[Any, ...]) -> str:
    bounds = {"at least": "minimum", "above": "above", "at most": "maximum"}
    known = [
        f"{word} {limits[key]}"
        for word, key in bounds.items()
        if limits and limits[key] is not None
    ]
    names = " or ".join(_type_name(one) for one in options if one is not type(None))
    text = " ".join([names, " and ".join(known)]).strip()
    return text + (", in ascending order" if limits and limits["rising"] else "")


def _type_name(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        items = typing.get_args(hint)
        if items[-1] is not Ellipsis:
            return f"{len(items)} numbers"
        if items[0] in (int, float):
            return "numbers"
        if typing.get_origin(items[0]) is tuple:
            return f"a tuple, each {_type_name(items[0])}"
        kinds = typing.get_args(items[0]) or (items[0],)
        return f"a tuple, each {' or '.join(_type_name(kind) for kind in kinds)}"
    names = {int: "an integer", float: "a number", bool: "True or False", str: "a string"}
    name = getattr(hint, "__name__", str(hint))
    return names.get(hint) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
