"""What the recipes set a field to: tables in place of the marks of a page.

`<!-- values: mixup_alpha mix_partner -->` becomes a table of the recipes that set one of the two,
`<!-- values: optimizer=lamb weight_decay -->` one of those with this optimizer, and `<!-- budgets -->`
one of what training on ImageNet costs.
"""

import dataclasses
import re

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipes.fields import shown
from keras_resnet_recipes.recipes.settings import Settings

BUDGETS = "<!-- budgets -->"
MARK = re.compile(r"^<!-- values: ([a-z_0-9= ]+) -->$", re.MULTILINE)
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


def with_tables(markdown: str) -> str:
    """The text with a table for each mark; a field that recipes do not have is a KeyError."""
    if BUDGETS in markdown:
        markdown = markdown.replace(BUDGETS, _budgets())
    return MARK.sub(lambda mark: _table(mark[1].split()), markdown)


def fields_in(markdown: str) -> set[str]:
    """The fields that the marks of a text name."""
    return {word.partition("=")[0] for mark in MARK.findall(markdown) for word in mark.split()}


def is_set(recipe: krr.Recipe, name: str) -> bool:
    """Whether a recipe gives the field a value of its own, or leaves it to be given."""
    return name in recipe.unpublished or getattr(recipe, name) != FIELDS[name].default


def _budgets() -> str:
    """The complete recipes for ImageNet from scratch, by epochs times pixels."""
    known = (made() for made in krr.RECIPES.values())
    recipes = [
        recipe
        for recipe in known
        if recipe.published_on == "ImageNet-1k" and not recipe.weights and recipe.epochs
    ]
    lines = ["| recipe | work | epochs | pixels | network | published top-1 |", "|" + "---|" * 6]
    for recipe in sorted(recipes, key=_work):
        name = type(recipe).__name__
        lines.append(
            f"| [{name}](recipes.md#{name.lower()}) | {_work(recipe) / _work(krr.A3()):.1f} | {recipe.epochs} "
            f"| {recipe.train_size} | {recipe.network} | {recipe.published_top1} % |"
        )
    return "\n".join(lines)


def _work(recipe: krr.Recipe) -> int:
    return (recipe.epochs + recipe.cooldown_epochs) * recipe.train_size**2


def _table(words: list[str]) -> str:
    names = [word for word in words if "=" not in word]
    wanted = dict(word.split("=") for word in words if "=" in word)
    about = [
        f"| `{name}` | {FIELDS[name].metadata['help']} | {shown(FIELDS[name], FIELDS[name].default)} |"
        for name in names
    ]
    lines = ["| field | | unless set |", "|---|---|---|", *about, ""]
    recipes = [
        recipe
        for recipe in (made() for made in krr.RECIPES.values())
        if all(getattr(recipe, field) == value for field, value in wanted.items())
        and (wanted or any(is_set(recipe, field) for field in names))
    ]
    names = [name for name in names if any(is_set(recipe, name) for recipe in recipes)]
    if not names:
        return "\n".join(
            [*lines, "No recipe sets it." if len(about) == 1 else "No recipe sets them."]
        )
    head = ["recipe", *(f"`{name}`" for name in names)]
    grid = [head, ["---"] * len(head), *(_row(recipe, names) for recipe in recipes)]
    return "\n".join(lines + [f"| {' | '.join(cells)} |" for cells in grid])


def _row(recipe: krr.Recipe, names: list[str]) -> list[str]:
    # Its own fields: they know what was not published.
    own = {field.name: field for field in dataclasses.fields(recipe)}
    cells = [shown(own[name], getattr(recipe, name)) for name in names]
    name = type(recipe).__name__
    return [f"[{name}](../recipes.md#{name.lower()})", *cells]
