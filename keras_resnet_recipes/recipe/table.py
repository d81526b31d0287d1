"""Text tables of one recipe or several."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.number import shown
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.flat import Number, labeled_parts, numbers

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe

# The first field of each group, in the order of the fields.
_GROUPS = {
    "network": "network",
    "epochs": "optimization",
    "loss": "loss",
    "train_size": "training images",
    "mix": "mixing",
    "test": "evaluation",
    "gradient_accumulation_steps": "execution",
}


# Maximum width of a value in characters; the recipe's repr has the full value.
_WIDEST = 96
# Defaults that switch something off.
_NEUTRAL = (None, 0, 1, ())


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Comparison of several recipes; prints as a table.

    Args:
        columns: Names of the recipes.
        rows: Values of the recipes as text, by number.
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
    """Formats rows as lines with left-aligned columns, two spaces apart.

    Example:
        >>> table([("a", "1"), ("long", "2")])
        ['a     1', 'long  2']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


@dataclasses.dataclass(frozen=True)
class _Row:
    """One row of a recipe's table: a part or a number."""

    field: str
    name: str
    value: Any
    text: str
    help: str
    is_set: bool


def _rows(recipe: "BaseRecipe") -> Iterator[_Row]:
    """Yields the parts of a recipe, each followed by its numbers, and the fields without parts."""
    held = list(numbers(recipe))
    values = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}
    labels = {path: label for label, path in labeled_parts(values).items()}
    for field in dataclasses.fields(recipe):
        value = values[field.name]
        published = field.metadata.get("published", False) or value != field.default
        parts = value if isinstance(value, tuple) else (value,)
        several = isinstance(value, tuple)
        if not several and not isinstance(value, Part):
            text = shown(value, field.metadata["none"])
            yield _Row(field.name, field.name, value, text, field.metadata["help"], published)
            continue
        for index, part in enumerate(parts):
            name = labels[field.name, index] if several else field.name
            plain = any(n.part is part for n in held)
            text = type(part).__name__ if plain else _called(part)
            help = (type(part).__doc__ or "").partition("\n")[0].removesuffix(".")
            # Without a docstring, dataclasses generate one from their signature.
            help = "" if help.startswith(f"{type(part).__name__}(") else help
            yield _Row(field.name, name, type(part), text, help, published)
            for one in held:
                if one.path[:2] == (field.name, index if several else None):
                    yield _number_row(one, published)


def _called(part: Part) -> str:
    """Formats a part without numbers of its own."""
    text = repr(part)
    return type(part).__name__ if text == f"{type(part).__name__}()" else text


def _number_row(one: Number, published: bool) -> _Row:
    metadata = one.field.metadata
    text = shown(one.value, metadata.get("none", "off"))
    unchanged = one.value == one.field.default
    # Defaults that switch something off are hidden; other default values belong to the procedure.
    is_set = published and not (unchanged and (isinstance(one.value, str) or one.value in _NEUTRAL))
    return _Row(one.path[0], one.name, one.value, text, metadata.get("help", ""), is_set)


def compare(*recipes: "BaseRecipe", every_row: bool = False) -> Comparison:
    """Compares recipes in a table with one column per recipe and one row per number.

    Args:
        *recipes: Recipes, at least one.
        every_row: Whether to include rows in which all recipes agree.

    Returns:
        A `Comparison`; "—" marks numbers that a recipe does not have.

    Raises:
        ValueError: If no recipe is given, or an argument is not a recipe.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> print(krr.compare(krr.A2(), krr.A2(label_smoothing=0.1)))
                         A2  A2 (label_smoothing=0.1)
        label_smoothing  0   0.1
    """
    invalid = [one for one in recipes if not hasattr(one, "numbers") or isinstance(one, type)]
    if invalid or not recipes:
        raise ValueError(
            "`recipes` must be one or more recipes such as krr.A1(). "
            f"Received: recipes={invalid or recipes!r}"
        )
    columns = [{row.name: row for row in _rows(recipe)} for recipe in recipes]
    rows = {}
    for name in _ordered(columns):
        cells = [column.get(name) for column in columns]
        differ = len({repr(cell and (cell.value, cell.text)) for cell in cells}) > 1
        if every_row or differ:
            rows[name] = tuple("—" if cell is None else cell.text for cell in cells)
    return Comparison(columns=tuple(_column_name(recipe) for recipe in recipes), rows=rows)


def _ordered(columns: Sequence[Mapping[str, _Row]]) -> list[str]:
    """Returns the names of all rows, grouped by field, in order of first appearance."""
    fields = dict.fromkeys(row.field for column in columns for row in column.values())
    return [
        name
        for field in fields
        for name in dict.fromkeys(
            row.name for column in columns for row in column.values() if row.field == field
        )
    ]


def _column_name(recipe: "BaseRecipe") -> str:
    """Returns the name of a recipe with its changes from the published one."""
    name, _, changes = repr(recipe).partition("(")
    if changes == ")":
        return name
    short = changes if len(changes) <= 60 else f"{changes[:57]}...)"
    return f"{name} ({short}"


@dataclasses.dataclass(frozen=True)
class TableRow:
    """One row of a recipe's table.

    Args:
        group: Group, such as "optimization".
        name: Flat name.
        text: Value as text.
        help: Description.
        published: Published value as text if it differs, else None.
    """

    group: str
    name: str
    text: str
    help: str
    published: str | None = None


def table_rows(recipe: "BaseRecipe", *, every_row: bool = False) -> list[TableRow]:
    """Returns the rows of a recipe's table: values that the recipe sets and values that were changed.

    Args:
        recipe: The recipe.
        every_row: Whether to include numbers at their neutral defaults.
    """
    published = {row.name: row for row in _rows(type(recipe)())}
    found, seen, groups = [], set(), _groups(recipe)
    for row in _rows(recipe):
        seen.add(row.name)
        original = published.get(row.name)
        same = original is not None and original.text == row.text
        if every_row or row.is_set or not same:
            was = None if same else "not set" if original is None else original.text
            found.append(TableRow(groups[row.field], row.name, row.text, row.help, was))
    for name, row in published.items():
        if name not in seen and (row.is_set or every_row):
            found.append(TableRow(groups[row.field], name, "—", row.help, row.text))
    order = list(dict.fromkeys(groups.values()))
    return sorted(found, key=lambda row: order.index(row.group))


def _groups(recipe: "BaseRecipe") -> dict[str, str]:
    """Returns the group of every field."""
    groups, group = {}, ""
    for field in dataclasses.fields(recipe):
        group = _GROUPS.get(field.name, group)
        groups[field.name] = group
    return groups


def sheet(recipe: "BaseRecipe", *, every_row: bool = False) -> str:
    """Formats a recipe's table in groups, with the published values next to changed ones."""
    rows = table_rows(recipe, every_row=every_row)
    changed = any(row.published is not None for row in rows)
    lines: list[tuple[str, ...]] = []
    for row in rows:
        if (row.group.upper(),) not in lines:
            lines.append((row.group.upper(),))
        note = [_published(recipe, row)] if changed else []
        lines.append((row.name, _cut(row.text), *note, row.help))
    return "\n".join([_title(recipe), *_aligned(lines)])


def changes(recipe: "BaseRecipe") -> str:
    """Formats the values of a recipe that differ from the published ones, under its title.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> print(changes(krr.A3(epochs=30, mixup_alpha=0.2)))
        A3 from "ResNet strikes back: ..." (arXiv 2110.00476), changed:
          epochs       30   (100 in A3)
          mixup_alpha  0.2  (0.1 in A3)
    """
    # The numbers of a removed part say no more than its name.
    removed = {one.name for one in numbers(type(recipe)())} - {one.name for one in numbers(recipe)}
    rows = [
        (f"  {row.name}", _cut(row.text), _published(recipe, row))
        for row in table_rows(recipe)
        if row.published is not None and row.name not in removed
    ]
    if not rows:
        return f"{_title(recipe)}\n  all values as published"
    # The published accuracy is that of the published values.
    return "\n".join([f"{_name(recipe)}, changed:", *table(rows)])


def _published(recipe: "BaseRecipe", row: TableRow) -> str:
    return "" if row.published is None else f"({_cut(row.published)} in {type(recipe).__name__})"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Aligns rows in columns; a line with a single cell is a heading."""
    rows = iter(table([line for line in lines if len(line) > 1]))
    return [f"\n{line[0]}" if len(line) == 1 else next(rows) for line in lines]


def _name(recipe: "BaseRecipe") -> str:
    """Returns the name of a recipe and its source."""
    name = type(recipe).__name__
    return (
        name if recipe.source is None else f'{name} from "{recipe.source.title}" ({recipe.source})'
    )


def _title(recipe: "BaseRecipe") -> str:
    title = _name(recipe)
    if recipe.published is not None:
        title += f", published top-1 {recipe.published} % on {recipe.published_on}"
    return title
