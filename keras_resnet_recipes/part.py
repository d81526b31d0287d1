"""Parts: the frozen values that recipes consist of."""

import dataclasses
import functools
import numbers
import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, dataclass_transform

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import UNPUBLISHED, checked, number


@dataclass_transform(frozen_default=True, field_specifiers=(number, dataclasses.field))
class Part:
    """Base class of the values in a recipe: a frozen dataclass that checks its fields.

    A subclass becomes a dataclass, and is registered by name for `--set` and `load_recipe`; an abstract
    class, `class Base(Part, abstract=True)`, is not registered and cannot be instantiated. Every field has a
    flat name, used by a recipe's keyword arguments, `replace` and `--set`: `prefix`, an underscore and the
    field's name.

    Example:
        >>> class Jitter(Part):
        ...     strength: float = number(0.1, "largest shift", minimum=0)
        >>> Jitter(strength=1)
        Jitter(strength=1.0)
        >>> Jitter(strength=-1)
        Traceback (most recent call last):
        ValueError: `strength` must be a number at least 0. Received: strength=-1
        >>> list(Jitter.flat_names())
        ['jitter_strength']
    """

    prefix: ClassVar[str | None] = None
    """Prefix of the flat names; by default the class's name in snake case. "" means no prefix."""

    known: ClassVar[dict[str, type["Part"]]] = {}
    """Every part by the name of its class."""

    _abstract: ClassVar[bool] = True
    """True for abstract classes."""

    def __init_subclass__(cls, *, abstract: bool = False, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True, repr=False)(cls)
        cls._abstract = abstract
        if abstract:
            return
        other = Part.known.get(cls.__name__)
        # A class that is defined again, as in a notebook, replaces the first one.
        if other is not None and (other.__module__, other.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            raise ValueError(
                f"the name of a part must be unique, and {other.__module__} defines one of this name. "
                f"Received: {cls.__name__}"
            )
        Part.known[cls.__name__] = cls

    def __post_init__(self) -> None:
        if self._abstract:
            names = ", ".join(n for n, one in Part.known.items() if issubclass(one, type(self)))
            raise ValueError(
                f"`{type(self).__name__}` is a base class. Use one of its subclasses, such as {names}."
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not _is_plain(value):
                raise ValueError(
                    f"`{field.name}` must be a number, string, None, a part, or a tuple of these. "
                    f"Received: {field.name}={value!r}"
                )
            value = checked(field, value, hints(type(self))[field.name])
            object.__setattr__(self, field.name, value)

    def __repr__(self) -> str:
        """Returns the constructor call without arguments that have their default value."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.given().items())
        return f"{type(self).__name__}({given})"

    @classmethod
    def label(cls) -> str:
        """Returns the part's flat name: the class's name in snake case.

        Example:
            >>> from keras_resnet_recipes.augment import RandAugment
            >>> RandAugment.label()
            'rand_augment'
        """
        name = cls.__name__
        broken = (
            index > 0
            and letter.isupper()
            and (name[index - 1].islower() or name[index + 1 : index + 2].islower())
            for index, letter in enumerate(name)
        )
        return "".join(
            ("_" if new else "") + letter.lower() for new, letter in zip(broken, name, strict=True)
        )

    @classmethod
    def flat_names(cls) -> Iterator[str]:
        """Returns the flat names of the fields that are not set by the recipe."""
        return (flat_name(cls, field) for field in own_numbers(cls))

    def given(self) -> dict[str, Any]:
        """Returns the fields whose value is not the default."""
        values = {field: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            field.name: value
            for field, value in values.items()
            if field.default is dataclasses.MISSING or value != field.default
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the part as a JSON object, without fields that a recipe sets if they are None."""
        values = {field: getattr(self, field.name) for field in dataclasses.fields(self)}
        kept = {
            field.name: to_json(value)
            for field, value in values.items()
            if value is not None or not field.metadata.get("from_recipe", False)
        }
        return {"is": type(self).__name__, **kept}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], known: Mapping[str, type["Part"]]) -> Self:
        """Returns the part described by the output of `to_json`.

        Raises:
            ValueError: If a field is unknown or missing, or a number is illegal.
        """
        legal = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in legal:
                raise ValueError(f"{cls.__name__} has no `{name}`.{closest(name, legal)}")
        try:
            return cls(**{name: from_json(value, known) for name, value in values.items()})
        except TypeError as error:
            raise ValueError(f"{cls.__name__}: {error}.") from None

    def missing(self) -> list[str]:
        """Returns the names of the fields that are `UNPUBLISHED`."""
        names = (field.name for field in dataclasses.fields(self))
        return [name for name in names if getattr(self, name) is UNPUBLISHED]


def to_json(value: Any) -> Any:
    """Converts a value of a recipe to JSON; a part becomes an object whose "is" is the name of its class.

    Example:
        >>> from keras_resnet_recipes.augment import Lighting
        >>> to_json(Lighting())
        {'is': 'Lighting', 'std': 0.1}
    """
    if isinstance(value, Part):
        return value.to_json()
    if isinstance(value, tuple):
        return [to_json(one) for one in value]
    return {"is": "UNPUBLISHED"} if value is UNPUBLISHED else value


def from_json(value: Any, known: Mapping[str, type["Part"]] | None = None) -> Any:
    """Returns the value described by the output of `to_json`.

    Args:
        value: Parsed JSON.
        known: Legal classes by name; by default `Part.known`. Nothing else is instantiated, imported or called.

    Raises:
        ValueError: If a class is unknown, or its numbers are illegal.
    """
    known = Part.known if known is None else known
    if isinstance(value, list):
        return tuple(from_json(one, known) for one in value)
    if not isinstance(value, dict):
        return value
    name = value.get("is")
    if name == "UNPUBLISHED":
        return UNPUBLISHED
    if not isinstance(name, str) or name not in known:
        raise ValueError(
            f"{name!r} is not a known part.{closest(str(name), known)} {how_to_know(name)}"
        )
    return known[name].from_json({k: v for k, v in value.items() if k != "is"}, known)


def how_to_know(name: Any) -> str:
    """Returns a hint for loading a file that refers to a custom class."""
    return (
        "Import the module that defines it first (`krr --import MODULE` on the command line), or pass it: "
        f"load_recipe(path, custom_objects=[{name}])."
    )


def _is_plain(value: Any) -> bool:
    """Returns whether a value can be compared and converted to JSON."""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | numbers.Real | Part) or value is UNPUBLISHED


def own_numbers(part: type[Part] | Part) -> list["dataclasses.Field[Any]"]:
    """Returns the fields of a part that are not set by the recipe."""
    return [f for f in dataclasses.fields(part) if not f.metadata.get("from_recipe", False)]


def flat_name(part: type[Part], field: "dataclasses.Field[Any]") -> str:
    """Returns the name of a part's field in a recipe.

    Example:
        >>> from keras_resnet_recipes.augment import PadAndCrop
        >>> [flat_name(PadAndCrop, field) for field in own_numbers(PadAndCrop)]
        ['padding', 'pad_fill']
    """
    prefix = part.label() if part.prefix is None else part.prefix
    flat = field.metadata.get("flat")
    if flat is not None:
        return flat
    return field.name if field.name.startswith(prefix) else f"{prefix}_{field.name}"


@functools.cache
def hints(cls: type) -> dict[str, Any]:
    """Returns the types of a class's fields, Any if they cannot be resolved."""
    try:
        return typing.get_type_hints(cls)
    except NameError:
        return dict.fromkeys((field.name for field in dataclasses.fields(cls)), Any)
