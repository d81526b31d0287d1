"""The commands list, show, preview, compare and from-timm, and the argument RECIPE of other commands."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_resnet_recipes.cli import plan
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.number import UNPUBLISHED, shown
from keras_resnet_recipes.recipe import compare, load_recipe, table
from keras_resnet_recipes.recipe.text import changed as changed
from keras_resnet_recipes.recipes import RECIPES, Recipe, from_timm

RECIPE = "name such as A1, recipe.json, or run folder"
DATA = (
    "folder with one subfolder per class, folder with train/ and val/, folder of krr prepare, .csv of path,label, "
    ".npz with x_train, y_train, x_test, y_test, or tfds:NAME"
)


def add_commands(commands: Any) -> None:
    """Adds list, show, preview, compare and from-timm."""
    command = commands.add_parser("list", help="list all recipes")
    command.set_defaults(run=_list, needs_keras=_never)

    command = commands.add_parser("show", help="print the hyperparameters of a recipe")
    command.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    command.add_argument(
        "--all", action="store_true", help="also print numbers at their neutral defaults"
    )
    plan.add_options(command, DATA)
    add_size(command)
    command.set_defaults(run=_show, needs_keras=lambda options: options.plan)

    _add_preview(commands.add_parser("preview", help="plot augmented training images"))

    command = commands.add_parser("compare", help="compare recipes side by side")
    command.add_argument("recipes", metavar="RECIPE", nargs="+", help="such as A1 A2 A3")
    command.add_argument(
        "--all", action="store_true", help="also print rows in which all recipes agree"
    )
    command.set_defaults(run=_compare, needs_keras=_never)

    command = commands.add_parser(
        "from-timm", help="convert the args.yaml of a timm run to a recipe"
    )
    command.add_argument("arguments", metavar="YAML", help="args.yaml written by timm's train.py")
    command.add_argument(
        "--processes",
        type=int,
        default=1,
        metavar="N",
        help="number of processes of that run, usually one per GPU; default: 1",
    )
    command.add_argument(
        "--out", metavar="JSON", help="write the recipe to this file, for krr train"
    )
    add_changes(command)
    command.set_defaults(run=_from_timm)


def _add_preview(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--out", default="preview.png", metavar="PNG", help="file to write; default: preview.png"
    )
    command.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help="show N fully augmented batches, one per row; default: one batch, with a row per augmentation step",
    )
    command.add_argument(
        "--columns", type=int, default=8, metavar="N", help="images per row; default: 8"
    )
    command.add_argument(
        "--seed", type=int, default=0, help="seed of the order and the augmentation; default: 0"
    )
    add_size(command)
    command.set_defaults(run=_preview)


def add_label_offset(command: argparse.ArgumentParser) -> None:
    """Adds `--label-offset` for `with_offset`."""
    command.add_argument(
        "--label-offset",
        type=int,
        default=0,
        metavar="N",
        help="subtract N from integer labels; 1 if they begin with 1",
    )


def with_offset(source: str | None, options: argparse.Namespace, split: str) -> Any:
    """Returns a data set whose labels begin with 0; without `--label-offset` its name."""
    if source is None or options.label_offset == 0:
        return source
    return from_source(source, split=split, label_offset=options.label_offset)


def add_changes(command: argparse.ArgumentParser) -> None:
    """Adds `--set` for `changed`."""
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a number or a part; VALUE is in Python syntax: --set epochs=30 --set crop_scale='(0.5, 1)' "
        "--set rand_augment=None --set 'augmentation+=Cutout(size=8)'; repeatable",
    )


def add_epochs(command: argparse.ArgumentParser) -> None:
    """Adds `--epochs`, for `Recipe.shortened`."""
    command.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="train N epochs, with warm-up and steps in proportion; --set epochs=N changes the number of epochs alone",
    )


def add_size(command: argparse.ArgumentParser) -> None:
    """Adds the options of `chosen_recipe`."""
    add_epochs(command)
    command.add_argument(
        "--rescale",
        "--batch-size",
        type=int,
        metavar="N",
        help="train with N images per update and scale the learning rate; --set batch_size=N does not scale it",
    )
    command.add_argument(
        "--learning-rate", "--lr", type=float, metavar="RATE", help="peak learning rate"
    )
    command.add_argument(
        "--weights", metavar="WEIGHTS", help="initial weights: a tag, file, or run folder"
    )
    add_changes(command)


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """Returns the recipe of the command line, rescaled and changed."""
    recipe = named_recipe(options.recipe)
    if options.epochs is not None:
        recipe = _of_length(recipe, options.epochs)
    if options.rescale is not None:
        recipe = recipe.rescaled(options.rescale)
    given = {"learning_rate": options.learning_rate, "weights": options.weights}
    recipe = recipe.replace(**{name: one for name, one in given.items() if one is not None})
    return changed(recipe, options.changes)


def _of_length(recipe: Recipe, epochs: int) -> Recipe:
    """Returns a recipe with its times in proportion; where none were published, with that number of epochs."""
    if recipe.epochs is UNPUBLISHED:
        return recipe.replace(epochs=epochs)
    return recipe.shortened(epochs)


def named_recipe(name: str) -> Recipe:
    """Returns a recipe by name, or loads it from a recipe.json or a run folder."""
    if name in RECIPES:
        return RECIPES[name]()
    if Path(name).exists():
        return load_recipe(name)
    raise ValueError(
        "`RECIPE` must be the name of a recipe, a recipe.json or a run folder. "
        f"Received: {name!r}.{closest(name, RECIPES)} Recipes are {', '.join(RECIPES)}."
    )


def _never(options: argparse.Namespace) -> bool:
    return False


def _list(options: argparse.Namespace) -> None:
    rows = [
        (
            "recipe",
            "network",
            "train px",
            "epochs",
            "published top-1",
            "reached",
            "test px",
            "source",
        )
    ]
    for name, recipe in RECIPES.items():
        values = recipe()
        rows.append(
            (
                name,
                values.network_name,
                "-".join(map(str, values.train_sizes)),
                shown(values.epochs),
                f"{recipe.published_top1} % {recipe.published_on}",
                "-" if recipe.reached_top1 is None else f"{recipe.reached_top1} %",
                str(values.test_size),
                "" if recipe.source is None else str(recipe.source),
            )
        )
    say("\n".join(table(rows)))


def _show(options: argparse.Namespace) -> None:
    recipe = chosen_recipe(options)
    plan.check(options)
    say(recipe.sheet(every_row=options.all))
    if options.plan:
        plan.show(recipe, options)


def _preview(options: argparse.Namespace) -> None:
    recipe = chosen_recipe(options)
    arguments = {"rows": options.rows, "columns": options.columns, "seed": options.seed}
    say(recipe.preview(options.data, options.out, **arguments))


def _compare(options: argparse.Namespace) -> None:
    say(compare(*map(named_recipe, options.recipes), every_row=options.all))


def _from_timm(options: argparse.Namespace) -> None:
    recipe, unmatched = from_timm(options.arguments, processes=options.processes)
    recipe = changed(recipe, options.changes)
    if options.out is None:
        say(recipe)
    else:
        with replacing(options.out) as temporary:
            recipe.to_json(temporary)
        say(options.out)
    say(_unmatched_table(unmatched))


def _unmatched_table(unmatched: Mapping[str, Any]) -> str:
    if not unmatched:
        return "All arguments were converted."
    rows = [(f"  {name}", repr(value)) for name, value in unmatched.items()]
    return "\n".join(["Arguments without a counterpart:", *table(rows)])
