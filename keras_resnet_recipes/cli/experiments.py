"""What each ingredient is worth: ablate; and several seeds, as options of other commands."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.recipes import DATA, add_size, chosen_recipe
from keras_resnet_recipes.cli.terminal import verbosity
from keras_resnet_recipes.data import has_validation


def add_commands(commands: Any) -> None:
    """Adds ablate."""
    command = commands.add_parser("ablate", help="what each ingredient of a recipe is worth")
    command.add_argument("recipe", metavar="RECIPE", help="such as A2")
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--val",
        metavar="DATA",
        help="the same, to evaluate with; default: x_test of an .npz, or val/ next to train/",
    )
    command.add_argument(
        "--teacher", metavar="PATH", help="run folder or .keras file of a network to learn from"
    )
    command.add_argument(
        "--row",
        dest="rows",
        action="append",
        metavar="NAME",
        help="train this row of the table only; repeatable",
    )
    command.add_argument(
        "--run-dir",
        required=True,
        metavar="DIR",
        help="folder for all runs and results.json; an existing one goes on",
    )
    command.add_argument(
        "--distribution", default="auto", metavar="HOW", help="as for krr train; default auto"
    )
    add_seeds(command)
    add_size(command)
    command.set_defaults(run=_ablate)


def add_seeds(command: argparse.ArgumentParser) -> None:
    """Adds `--seed` and `--seeds`, which `seeds_of` reads."""
    command.add_argument(
        "--seed", type=int, default=0, help="seed of weights, order and augmentation"
    )
    command.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="train N times, with that seed and those after it, each in a folder seed-K of its own",
    )


def seeds_of(options: argparse.Namespace) -> range:
    """The seeds that `--seed` and `--seeds` ask for."""
    if options.seeds < 1:
        raise ValueError(f"`--seeds` must be at least 1; received {options.seeds}.")
    return range(options.seed, options.seed + options.seeds)


def validation_of(options: argparse.Namespace) -> str | None:
    """What `--val` says, or else the images to validate on that lie next to those to train on."""
    if options.val is None and has_validation(options.data):
        print(f"`--val`: the validation images of {options.data}.")
        return options.data
    return options.val


def _ablate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    validation = validation_of(options)
    if validation is None:
        raise ValueError(
            f"`--val` must be given: accuracies are of it, and {options.data!r} is no readable .npz file "
            "with x_test and y_test."
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
        verbose=verbosity(),
    )
    print(f"\n{results}")
