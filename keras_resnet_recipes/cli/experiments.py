"""The command ablate, and the options for seeds and validation data shared with train."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.recipes import (
    DATA,
    RECIPE,
    add_label_offset,
    add_size,
    chosen_recipe,
    with_offset,
)
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.data import from_source, has_validation, split, with_siblings


def add_commands(commands: Any) -> None:
    """Adds ablate."""
    command = commands.add_parser(
        "ablate", help="measure what each ingredient of a recipe is worth on your data"
    )
    command.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    add_validation(command, "x_test of an .npz, or val/ next to train/")
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
        help="folder for all runs and results.json; run the same command again to resume",
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
        help="seed of the initial weights, the order and the augmentation; default: 0",
    )
    command.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="train N times, with consecutive seeds from --seed, each run in a subfolder seed-K",
    )


def seeds_of(options: argparse.Namespace) -> range:
    """Returns the seeds given by `--seed` and `--seeds`."""
    if options.seeds < 1:
        raise ValueError(f"`--seeds` must be at least 1. Received: --seeds {options.seeds}")
    return range(options.seed, options.seed + options.seeds)


def add_validation(command: argparse.ArgumentParser, without: str) -> None:
    """Adds `--val` and `--val-split` for `read_validation`, with the text of what happens without them."""
    command.add_argument(
        "--val",
        metavar="DATA",
        help=f"validation data, in the same formats, evaluated after every epoch; default: {without}",
    )
    command.add_argument(
        "--val-split",
        type=float,
        metavar="F",
        help="hold out this fraction of the images of each class for validation, drawn at random; the run folder lists "
        "them in validation.csv",
    )
    add_label_offset(command)


def read_validation(
    options: argparse.Namespace, *, test: bool = True, fraction: float | None = None
) -> None:
    """Replaces `data` and `val` of the options by training and validation data.

    Args:
        options: Options with `data`, `val` and `val_split`.
        test: Whether test images next to the training images may be used.
        fraction: Fraction to draw if there are no validation images; by default none are drawn.
    """
    if options.val is not None and options.val_split is not None:
        raise ValueError(
            f"`--val-split` must not be given with --val. Received: --val-split {options.val_split}"
        )
    if options.val is None and options.val_split is None:
        # Where images would be drawn, prepared ones come first.
        source = options.data if fraction is None else with_siblings(options.data)
        if has_validation(source, test=test):
            say(f"`--val` not given: using the validation images of {source!r}.")
            options.val = source
        elif fraction is not None and has_validation(options.data):
            say(
                f"`--val` not given: the test images of {options.data!r} are left for `krr evaluate`."
            )
    options.data = with_offset(options.data, options, "train")
    options.val = with_offset(options.val, options, "validation")
    fraction = fraction if options.val_split is None else options.val_split
    if options.val is None and fraction is not None:
        options.data, options.val = split(from_source(options.data), fraction)
        say(
            f"Training on {options.data.size:,} images, validating on {options.val.size:,}, {100 * fraction:g} % of "
            "each class."
        )


def _ablate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    read_validation(options)
    if options.val is None:
        raise ValueError(
            "`--val` or `--val-split` must be given if `--data` does not contain validation images. "
            f"Received: --data {options.data!r}"
        )
    results = experiments.ablate(
        chosen_recipe(options),
        options.data,
        options.val,
        run_dir=options.run_dir,
        rows=options.rows,
        seeds=seeds_of(options),
        teacher=None if options.teacher is None else load_network(options.teacher),
        distribution=options.distribution,
    )
    say(f"\n{results}")
