"""The command ablate, and the options for seeds and validation data shared with train."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.recipes import DATA, RECIPE, add_size, chosen_recipe
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.data import has_validation


def add_commands(commands: Any) -> None:
    """Adds ablate."""
    command = commands.add_parser(
        "ablate", help="measure the effect of each ingredient of a recipe"
    )
    command.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--val",
        metavar="DATA",
        help="evaluation data, in the same formats; default: x_test of an .npz, or val/ next to train/",
    )
    command.add_argument(
        "--teacher",
        metavar="PATH",
        help="run folder or .keras file of the teacher for distillation",
    )
    command.add_argument(
        "--row",
        dest="rows",
        action="append",
        metavar="NAME",
        help="train only this row of the table; repeatable",
    )
    command.add_argument(
        "--run-dir",
        required=True,
        metavar="DIR",
        help="folder for all runs and results.json; an existing one is resumed",
    )
    command.add_argument(
        "--distribution", default="auto", metavar="HOW", help="as for krr train; default: auto"
    )
    add_seeds(command)
    add_size(command)
    command.set_defaults(run=_ablate)


def add_seeds(command: argparse.ArgumentParser) -> None:
    """Adds `--seed` and `--seeds` for `seeds_of`."""
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of weights, shuffling and augmentation; default: 0",
    )
    command.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="train N times, with consecutive seeds from --seed, each in a subfolder seed-K",
    )


def seeds_of(options: argparse.Namespace) -> range:
    """Returns the seeds given by `--seed` and `--seeds`."""
    if options.seeds < 1:
        raise ValueError(f"`--seeds` must be at least 1. Received: --seeds {options.seeds}")
    return range(options.seed, options.seed + options.seeds)


def validation_of(options: argparse.Namespace) -> str | None:
    """Returns `--val`, by default the validation images that belong to `--data`."""
    if options.val is None and has_validation(options.data):
        say(f"`--val` not given: using the validation images of {options.data}.")
        return options.data
    return options.val


def _ablate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    validation = validation_of(options)
    if validation is None:
        raise ValueError(
            "`--val` must be given if `--data` does not contain validation images. "
            f"Received: --data {options.data!r}"
        )
    results = experiments.ablate(
        chosen_recipe(options),
        options.data,
        validation,
        run_dir=options.run_dir,
        rows=options.rows,
        seeds=seeds_of(options),
        teacher=None if options.teacher is None else load_network(options.teacher),
        distribution=options.distribution,
    )
    say(f"\n{results}")
