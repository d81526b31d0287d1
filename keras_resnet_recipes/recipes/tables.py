"""Recipes as text: one with all its values, several side by side."""

import dataclasses
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipes.checks import unread
from keras_resnet_recipes.recipes.fields import checked, shown
from keras_resnet_recipes.recipes.settings import Settings

if TYPE_CHECKING:
    from keras_resnet_recipes.recipes.base import Recipe


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Fields of several recipes side by side; printing it gives the table.

    Args:
        columns: Name of each recipe.
        rows: For each field the recipes' values, as text.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        if not self.rows:
            return "no differences"
        header = ("", *self.columns)
        lines = table([header, *((name, *values) for name, values in self.rows.items())])
        if any(value.endswith("?") for values in self.rows.values() for value in values):
            lines.append("? not verified: not seen in its source")
        return "\n".join(lines)

    __repr__ = __str__


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of left-aligned columns, two spaces apart.

    >>> table([("a", "1"), ("long", "2")])
    ['a     1', 'long  2']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


@dataclasses.dataclass(frozen=True)
class Column:
    """A procedure of which only some numbers are known here: it can be compared, and not trained.

    Args:
        name: What tables call it.
        published_top1: Its top-1 on ImageNet-1k, per cent.
        values: Pairs of a recipe's field and the value published, for the fields that are known.
        unverified: Of "published_top1" and these fields those that were not seen in a source; tables
            put a question mark behind them.

    Raises:
        ValueError: If a name is no field, or a value is not legal.

    >>> import keras_resnet_recipes as krr
    >>> print(krr.compare(krr.A3(), krr.Column("Short", 70.0, (("epochs", 30),), ("epochs",))))
                    A3    Short
    published_top1  78.1  70
    epochs          100   30?
    ? not verified: not seen in its source
    """

    name: str
    published_top1: float
    values: tuple[tuple[str, Any], ...] = ()
    unverified: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fields = {field.name: field for field in dataclasses.fields(Settings)}
        for name, value in self.values:
            if name not in fields:
                raise ValueError(f"`{self.name}` has no field `{name}`.{closest(name, fields)}")
            checked(fields[name], value)
        for name in self.unverified:
            if name not in ("published_top1", *dict(self.values)):
                raise ValueError(f"`unverified` of {self.name} has {name!r}, which has no value.")


def compare(*recipes: "Recipe | Column", every_row: bool = False) -> Comparison:
    """The paper's table: one column a recipe, one row a field.

    Args:
        *recipes: "Recipe"s and "Column"s, at least one. With a "Column" among them the published top-1
            is a row, and what is not known of it is "—".
        every_row: Also the rows in which all agree, as far as they are known.

    Raises:
        ValueError: If no recipe is given or one is no recipe.

    >>> import keras_resnet_recipes as krr
    >>> print(krr.compare(krr.A2(), krr.A2(label_smoothing=0.1)))
                     A2  A2
    label_smoothing  0   0.1
    """
    from keras_resnet_recipes.recipes.base import Recipe

    strangers = [recipe for recipe in recipes if not isinstance(recipe, Recipe | Column)]
    if strangers or not recipes:
        raise ValueError(
            f"`recipes` must be recipes such as krr.A1(); received {strangers or 'none'}."
        )
    known = [_known(recipe) for recipe in recipes]
    partial = any(isinstance(recipe, Column) for recipe in recipes)
    rows = {}
    for name in [_TOP1] * partial + [field.name for field in dataclasses.fields(Settings)]:
        cells = [column[name] for column in known if name in column]
        differ = len({value for value, _ in cells}) > 1 or len({text for _, text in cells}) > 1
        if every_row or differ:
            rows[name] = tuple(
                _text(recipe, column, name) for recipe, column in zip(recipes, known, strict=True)
            )
    names = (getattr(recipe, "name", type(recipe).__name__) for recipe in recipes)
    return Comparison(columns=tuple(names), rows=rows)


_TOP1 = "published_top1"


def _known(recipe: "Recipe | Column") -> dict[str, tuple[Any, str]]:
    """What is known of a recipe by field, each as a value and as text."""
    if isinstance(recipe, Column):
        values, fields = dict(recipe.values), dataclasses.fields(Settings)
        top1: float | None = recipe.published_top1
    else:
        # Its own fields: they know what of them was not published.
        fields = dataclasses.fields(recipe)
        values = {field.name: getattr(recipe, field.name) for field in fields}
        # With another value it is another experiment.
        top1 = recipe.published_top1 if recipe == type(recipe)() else None
    chosen = [field for field in fields if field.name in values]
    known = {field.name: checked(field, values[field.name]) for field in chosen}
    cells = {field.name: (known[field.name], shown(field, known[field.name])) for field in chosen}
    return cells if top1 is None else {_TOP1: (top1, f"{top1:.6g}"), **cells}


def _text(recipe: "Recipe | Column", known: dict[str, tuple[Any, str]], name: str) -> str:
    if name not in known:
        return "—"
    return known[name][1] + "?" * (isinstance(recipe, Column) and name in recipe.unverified)


def sheet(recipe: "Recipe", changed: Collection[str]) -> str:
    """A recipe's values with their meaning, those named in `changed` beside the published ones.

    What nothing reads is named at the end, without its value, unless it was changed.
    """
    name = type(recipe).__name__
    idle = [field for field in unread(recipe) if field not in changed]
    rows = []
    for field in dataclasses.fields(recipe):
        if field.name in idle:
            continue
        published = f"({shown(field, field.default)} in {name})" if field.name in changed else ""
        value = shown(field, getattr(recipe, field.name))
        rows.append((field.name, value, *([published] if changed else []), field.metadata["help"]))
    rest = textwrap.wrap(f"not read, as the others are: {', '.join(idle)}", width=120)
    return "\n".join([_title(recipe), *table(rows), *rest])


def _title(recipe: "Recipe") -> str:
    title = type(recipe).__name__
    if recipe.source is not None:
        title += f": {recipe.source.title} ({recipe.source})"
    if recipe.published_top1 is not None:
        title += f", published top-1 {recipe.published_top1} % on {recipe.published_on}"
    return title
