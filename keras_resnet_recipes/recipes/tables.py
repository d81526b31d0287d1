"""Recipes as text: one with all its values, several side by side."""

import dataclasses
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
        return "\n".join(table([header, *((name, *values) for name, values in self.rows.items())]))

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


def compare(*recipes: "Recipe", every_row: bool = False) -> Comparison:
    """The paper's table: one column a recipe, one row a field.

    Args:
        *recipes: At least one recipe.
        every_row: Also the rows in which all agree.

    Raises:
        ValueError: If no recipe is given or one is no recipe.

    >>> import keras_resnet_recipes as krr
    >>> print(krr.compare(krr.A2(), krr.A2(label_smoothing=0.1)))
                     A2  A2
    label_smoothing  0   0.1
    """
    from keras_resnet_recipes.recipes.base import Recipe

    strangers = [recipe for recipe in recipes if not isinstance(recipe, Recipe)]
    if strangers or not recipes:
        raise ValueError(
            f"`recipes` must be recipes such as krr.A1(); received {strangers or 'none'}."
        )
    rows = {}
    for field in dataclasses.fields(Settings):
        cells = [_cell(recipe, field.name) for recipe in recipes]
        differ = len({value for value, _ in cells}) > 1 or len({text for _, text in cells}) > 1
        if every_row or differ:
            rows[field.name] = tuple(text for _, text in cells)
    return Comparison(columns=tuple(type(recipe).__name__ for recipe in recipes), rows=rows)


def _cell(recipe: "Recipe", name: str) -> tuple[Any, str]:
    """A field of a recipe as a value and as text."""
    # The recipe's own field: it knows what of it was not published.
    (field,) = (field for field in dataclasses.fields(recipe) if field.name == name)
    value = checked(field, getattr(recipe, name))
    return value, shown(field, value)


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
