"""Writes docs/recipes.md from the recipes: `python -m tests.recipes.page docs/recipes.md`."""

import dataclasses
import inspect
import sys
from pathlib import Path

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipes.fields import shown
from keras_resnet_recipes.recipes.settings import Settings

HEAD = """# Recipes

Made from the recipes' own values by `python -m tests.recipes.page docs/recipes.md`; a test compares. What a recipe
does not set is left out of its table and has its neutral value; `krr show RECIPE` prints all that is read, and what it
means.

| recipe | network | published top-1 | measured here | source |
|---|---|---|---|---|
"""
NEIGHBOUR = """
## A neighbour of procedure B

The numbers of B, C1, C2 and D were not published. What timm's author did publish is a run of the family that B
belongs to (gist 07839a82, an ECA-ResNet-26-D, not a network of the paper): batches of 2 x 352 images at a rate of
0.082 for 700 epochs, multiplied by 0.988 an epoch, 10 more of cool-down, a minimum of 1e-5 that timm's staircase does
not read, RandAugment of magnitude 9 and standard deviation 1, MixUp 0.19, stochastic depth 0.1, test crop 0.94 at 256
pixels, average of the weights with 0.999987, and dropout of 0.19, which no field here has. As an example of how to give
the missing values, not as B:

    import keras_resnet_recipes as krr

    recipe = krr.B(
        epochs=700, batch_size=704, learning_rate=0.082, momentum=0.9, weight_decay=1e-5, ema_decay=0.999987,
        step_factor=0.988, exponential_epochs=1, warmup_epochs=5, warmup_learning_rate=1e-6,
        cooldown_epochs=10, label_smoothing=0.1, rand_augment=(9, 1), mixup_alpha=0.19,
        drop_path_rate=0.1,
    )

`momentum`, `weight_decay`, the warm-up and `label_smoothing` are this page's choice; the gist's were not found.
"""


def page() -> str:
    """The text of docs/recipes.md."""
    recipes = [recipe() for recipe in krr.RECIPES.values()]
    return HEAD + "\n".join(map(_row, recipes)) + "\n" + "".join(map(_section, recipes)) + NEIGHBOUR


def _row(recipe: krr.Recipe) -> str:
    name, source = type(recipe).__name__, recipe.source
    link = f"https://arxiv.org/abs/{source.arxiv}" if source.arxiv else source.url
    top1 = f"{recipe.published_top1} % on {recipe.published_on}"
    return (
        f"| [{name}](#{name.lower()}) | {recipe.network} | {top1} | no | [{source.title}]({link}) |"
    )


def _section(recipe: krr.Recipe) -> str:
    text = inspect.getdoc(type(recipe)).split(">>>")[0].strip()
    rows = []
    for field, neutral in zip(
        dataclasses.fields(recipe), dataclasses.fields(Settings), strict=True
    ):
        value = getattr(recipe, field.name)
        if value != neutral.default or field.name in recipe.unpublished:
            rows.append(f"| `{field.name}` | {shown(field, value)} | {field.metadata['help']} |")
    table = "\n".join(["| field | value | |", "|---|---|---|", *rows])
    return f"\n## {type(recipe).__name__}\n\n{text}\n\n{table}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
