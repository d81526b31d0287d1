"""Generates docs/recipes.md: `python -m tests.recipes.page docs/recipes.md`."""

import inspect
import sys
from pathlib import Path

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipe import table_rows

HEAD = """# Recipes

This page lists every recipe with its published accuracy, its source and the values that it sets. All other values have
neutral defaults, which `krr show RECIPE --all` prints, too. `python -m tests.recipes.page docs/recipes.md` generates
the page from the recipes.

| recipe | network | published top-1 | [reached here](reached.md) | source |
|---|---|---|---|---|
"""
NEIGHBOUR = """
## A run similar to procedure B

The hyperparameters of B, C1, C2 and D were not published. timm's author did publish a run of the same family as B (gist
07839a82), with an ECA-ResNet-26-D, which is not a network of the paper. Its batch size is 2 x 352. The learning rate of
0.082 is multiplied by 0.988 per epoch, for 700 epochs and 10 more of cooldown, with a minimum of 1e-5 that timm's step
schedule ignores. It uses RandAugment with magnitude 9 and standard deviation 1, MixUp 0.19, stochastic depth 0.1, test
crop ratio 0.94 at 256 pixels, an EMA of the weights with decay 0.999987, and dropout 0.19, which is not available here.

This example shows how to give the missing values. It is not B:

    import keras_resnet_recipes as krr

    recipe = krr.B(
        epochs=710, batch_size=704, learning_rate=0.082, momentum=0.9, weight_decay=1e-5, ema_decay=0.999987,
        step_factor=0.988, every_epochs=1, warmup_epochs=5, warmup_learning_rate=1e-6, label_smoothing=0.1,
        rand_augment_magnitude=9, rand_augment_std=1, mixup_alpha=0.19, drop_path_rate=0.1,
    )

The step decay continues in the cooldown, which is part of `epochs` here. `momentum`, `weight_decay`, the warm-up and
`label_smoothing` were chosen for this example; the values of the gist were not found.
"""

COMPARED = """
## Recipes compared in 'ResNet strikes back'

These are the procedures of table 2 of the paper that are recipes here, and the numbers in which they differ. "—" is a
number that a recipe does not have. The top-1 accuracy of DeiT's procedure is that of ResNet-50 in the table, marked
with "?" because the full text of the paper was not available.

"""
COLUMNS = ("He2015", "DeiT", "A1", "A2", "A3")
# In DeiT's own paper, the accuracy is of another network.
OTHERS = {"DeiT": {"published top-1 %": "78.4?"}}


def page() -> str:
    """Returns the text of docs/recipes.md."""
    recipes = [recipe() for recipe in krr.RECIPES.values()]
    rows = "\n".join(map(_row, recipes)) + "\n"
    return HEAD + rows + _compared() + "".join(map(_section, recipes)) + NEIGHBOUR


def _compared() -> str:
    """Returns the table of `COLUMNS`, with values of the recipes and of `OTHERS`."""
    recipes = [krr.RECIPES[name]() for name in COLUMNS]
    rows = {"published top-1 %": [f"{recipe.published_top1:g}" for recipe in recipes]}
    rows |= krr.compare(*recipes).rows
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for row, values in rows.items():
        known = dict(zip((type(recipe).__name__ for recipe in recipes), values, strict=True))
        known |= {name: others[row] for name, others in OTHERS.items() if row in others}
        title = row if " " in row else f"`{row}`"
        lines.append(" | ".join((f"| {title}", *(known[name] for name in COLUMNS))) + " |")
    return COMPARED + "\n".join(lines) + "\n"


def _row(recipe: krr.Recipe) -> str:
    name, source = type(recipe).__name__, recipe.source
    link = f"https://arxiv.org/abs/{source.arxiv}" if source.arxiv else source.url
    top1 = f"{recipe.published_top1} % on {recipe.published_on}"
    reached = reached_here(recipe)
    return f"| [{name}](#{name.lower()}) | {recipe.network_name} | {top1} | {reached} | [{source.title}]({link}) |"


def reached_here(recipe: krr.Recipe | type[krr.Recipe]) -> str:
    """Returns the accuracy that runs of this package reached, with their number."""
    if recipe.reached_top1 is None:
        return "not measured"
    return f"{recipe.reached_top1} %, {recipe.reached_runs} run{'s' * (recipe.reached_runs > 1)}"


def _section(recipe: krr.Recipe) -> str:
    text = inspect.getdoc(type(recipe)).split("Example:")[0].strip()
    rows = [f"| `{row.name}` | {row.text} | {row.help} |" for row in table_rows(recipe)]
    table = "\n".join(["| field | value | |", "|---|---|---|", *rows])
    return f"\n## {type(recipe).__name__}\n\n{text}\n\n{table}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
