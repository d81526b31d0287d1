"""Tables of the values that the recipes set, in place of the marks of a page.

`<!-- values: mixup_alpha mix_partner -->` becomes a table of the recipes that set one of the two,
`<!-- values: Lamb weight_decay -->` a table of the recipes with this part, `<!-- budgets -->`
a table of the cost of training on ImageNet, and `<!-- reached -->` one of published and reached accuracies.
"""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import keras_resnet_recipes as krr
from keras_resnet_recipes.number import shown
from keras_resnet_recipes.part import Part, flat_name, own_numbers
from keras_resnet_recipes.recipe import table_rows
from keras_resnet_recipes.recipe.known import known_parts
from tests.recipes.page import reached_here

BUDGETS, REACHED = "<!-- budgets -->", "<!-- reached -->"
MARK = re.compile(r"^<!-- values: ([A-Za-z_0-9 ]+) -->$", re.MULTILINE)


def _declared() -> Iterator[tuple[str, str, "dataclasses.Field[Any]"]]:
    """Yields the flat name, part and declaration of every number that a recipe can have."""
    for field in dataclasses.fields(krr.recipe.BaseRecipe):
        if "part" not in field.metadata:
            yield field.name, "", field
    for name, part in known_parts().items():
        if part.__module__.startswith(f"{krr.__name__}."):
            for field in own_numbers(part):
                yield flat_name(part, field), name, field


# Several parts may have the same flat name, such as the warm-up of the schedules.
FIELDS: dict[str, dict[str, "dataclasses.Field[Any]"]] = {}
for _name, _part, _field in _declared():
    FIELDS.setdefault(_name, {})[_part] = _field


def with_tables(markdown: str) -> str:
    """Replaces each mark with its table; raises KeyError for a name that no recipe can have."""
    if BUDGETS in markdown:
        markdown = markdown.replace(BUDGETS, _budgets())
    if REACHED in markdown:
        markdown = markdown.replace(REACHED, _reached())
    return MARK.sub(lambda mark: _table(mark[1].split()), markdown)


def fields_in(markdown: str) -> set[str]:
    """Returns the numbers named by the marks of a text."""
    words = (word for mark in MARK.findall(markdown) for word in mark.split())
    return {word for word in words if not word[0].isupper()}


def set_in(recipe: krr.Recipe) -> set[str]:
    """Returns the numbers that the recipe sets to a non-neutral value or leaves unpublished."""
    rows = {row.name for row in table_rows(recipe)}
    neutral = {field.name: field.default for field in dataclasses.fields(krr.recipe.BaseRecipe)}
    return {
        # Of parts of the same kind, the second has the suffix _2, and so on.
        number.name if number.name in FIELDS else re.sub(r"_\d+$", "", number.name)
        for number in recipe.numbers()
        if number.name in rows and (number.part or number.value != neutral[number.name])
    }


def _budgets() -> str:
    """Returns the table of the complete ImageNet recipes from scratch, by epochs times pixels."""
    known = (
        made(epochs=length)
        for made in krr.RECIPES.values()
        for length in dict(made.published_lengths) or [made().epochs]
    )
    recipes = [
        recipe
        for recipe in known
        if recipe.published_on == "ImageNet-1k"
        and not recipe.weights
        and recipe.epochs is not krr.UNPUBLISHED
    ]
    lines = ["| recipe | work | epochs | pixels | network | published top-1 |", "|" + "---|" * 6]
    for recipe in sorted(recipes, key=_work):
        name = type(recipe).__name__
        lines.append(
            f"| [{name}](recipes.md#{name.lower()}) | {_work(recipe) / _work(krr.A3()):.1f} | {recipe.epochs} "
            f"| {' to '.join(map(str, recipe.train_sizes))} | {recipe.network_name} | {recipe.published} % |"
        )
    return "\n".join(lines)


def _reached() -> str:
    """Returns the table of the published accuracy of each recipe, and of the one reached here."""
    lines = ["| recipe | data set | published top-1 | reached here |", "|---|---|---|---|"]
    for name, recipe in krr.RECIPES.items():
        published = f"{recipe.published_on} | {recipe.published_top1} %"
        link = f"[{name}](recipes.md#{name.lower()})"
        lines.append(f"| {link} | {published} | {reached_here(recipe)} |")
    return "\n".join(lines)


def _work(recipe: krr.Recipe) -> int:
    return sum(recipe.train_size_in(epoch) ** 2 for epoch in range(recipe.total_epochs))


def _parts(recipe: krr.Recipe) -> set[str]:
    """Returns the class names of the recipe's parts."""
    values = (getattr(recipe, field.name) for field in dataclasses.fields(recipe))
    parts = (part for value in values for part in (value if isinstance(value, tuple) else (value,)))
    return {type(part).__name__ for part in parts if isinstance(part, Part)}


def _table(words: list[str]) -> str:
    names = [word for word in words if not word[0].isupper()]
    wanted = {word for word in words if word[0].isupper()}
    about = [_about(name, wanted) for name in names]
    lines = ["| name | | default |", "|---|---|---|", *about, ""]
    recipes = [
        recipe
        for recipe in (made() for made in krr.RECIPES.values())
        if (_parts(recipe) & wanted if wanted else set_in(recipe) & set(names))
    ]
    names = [name for name in names if any(name in set_in(recipe) for recipe in recipes)]
    if not recipes or not (names or wanted):
        return "\n".join(
            [*lines, "No recipe sets it." if len(about) == 1 else "No recipe sets them."]
        )
    several = len(wanted) > 1
    head = ["recipe", *(["part"] if several else []), *(f"`{name}`" for name in names)]
    rows = [
        [_link(recipe), *(sorted(_parts(recipe) & wanted) if several else []), *cells]
        for recipe in recipes
        for cells in [_cells(recipe, names)]
    ]
    grid = [head, ["---"] * len(head), *rows]
    return "\n".join(lines + [f"| {' | '.join(cells)} |" for cells in grid])


def _about(name: str, wanted: set[str]) -> str:
    """Returns the row of a number, as declared by the part that the mark names, if any."""
    declared = FIELDS[name]
    field = next((declared[part] for part in declared if part in wanted), None)
    field = field or next(iter(declared.values()))
    required = field.default is dataclasses.MISSING
    default = "required" if required else shown(field.default, field.metadata["none"])
    return f"| `{name}` | {field.metadata['help']} | {default} |"


def _link(recipe: krr.Recipe) -> str:
    name = type(recipe).__name__
    return f"[{name}](../recipes.md#{name.lower()})"


def _cells(recipe: krr.Recipe, names: list[str]) -> list[str]:
    own = {number.name: number for number in recipe.numbers()}
    return [
        shown(own[name].value, own[name].field.metadata.get("none", "off")) if name in own else "–"
        for name in names
    ]
