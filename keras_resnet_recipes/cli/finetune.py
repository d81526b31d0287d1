"""The command finetune."""

import argparse
from pathlib import Path
from typing import Any

from keras_resnet_recipes.cli import train
from keras_resnet_recipes.cli.experiments import add_validation, read_validation
from keras_resnet_recipes.cli.recipes import DATA, add_changes, add_epochs
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.recipe import BinaryCrossentropy, load_recipe
from keras_resnet_recipes.recipe.text import changed
from keras_resnet_recipes.recipes import FineTune
from keras_resnet_recipes.recipes.transfer import FEWEST

# Validation images, as a fraction of those of each class, if none are given.
_FRACTION = 0.2


def add_commands(commands: Any) -> None:
    """Adds finetune."""
    command = commands.add_parser(
        "finetune", help="train a pretrained network on your own images; start here"
    )
    command.add_argument("data", metavar="DATA", help=DATA)
    command.add_argument(
        "--weights",
        metavar="WEIGHTS",
        help="published weights such as a2_in1k, a weights file, or a run folder; default: a1_in1k, downloaded",
    )
    command.add_argument(
        "--from-scratch",
        action="store_true",
        help="start from random weights instead, and train five times as long",
    )
    command.add_argument(
        "--network",
        metavar="NAME",
        help="network to train; default: ResNet50, or that of the run folder in --weights",
    )
    add_validation(
        command, "val/ next to train/, else a fifth of the images of each class is held out"
    )
    train.add_options(command, run_dir="runs/ plus the name of DATA")
    add_epochs(command)
    add_changes(command)
    command.set_defaults(run=_finetune)


def _finetune(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import distribution

    distribution.join_hosts()
    if options.from_scratch and options.weights is not None:
        raise ValueError(
            f"`--weights` must not be given with --from-scratch. Received: --weights {options.weights}"
        )
    if options.run_dir is None:
        options.run_dir = str(Path("runs", Path(options.data).stem or "finetune"))
    name = options.data
    read_validation(options, test=False, fraction=_FRACTION)
    options.data = from_source(options.data)
    if options.data.size is None:
        raise ValueError(f"`DATA` must have a known number of images. Received: {name!r}")
    if options.data.size < FEWEST:
        raise ValueError(
            f"`DATA` must have at least {FEWEST} images to train on. Received: {options.data.size} in "
            f"{options.data.name}"
        )
    recipe = changed(_recipe(options), options.changes)
    try:
        train.run(recipe, options)
    except (ConnectionError, ImportError) as error:
        raise type(error)(
            f"{error}\n`--weights FILE` starts from a file or run folder instead, --from-scratch from random weights."
        ) from error
    if options.seeds == 1:
        say(_next(options.run_dir, options.val))


def _next(folder: str, validation: Any) -> str:
    """Returns commands for a finished run; validation images that were drawn are in a list of the run folder."""
    name = validation if isinstance(validation, str) else Path(folder, "validation.csv")
    report, predict = f"krr report {folder} --data {name}", f"krr predict {folder} PHOTO.jpg"
    return f"\nNext:  {report}\n       {predict}"


def _recipe(options: argparse.Namespace) -> FineTune:
    """Returns the preset for the number of training images, with the weights of the command line."""
    recipe = FineTune.for_images(options.data.size, pretrained=not options.from_scratch)
    if options.data.multi_label:
        recipe = recipe.replace(loss=BinaryCrossentropy())
    if options.epochs is not None:
        recipe = recipe.shortened(options.epochs)
    changes = {"network": options.network, "weights": options.weights}
    if options.weights is not None and Path(options.weights).is_dir():
        trained = load_recipe(options.weights)
        changes["network"] = options.network or trained.network
        changes |= {"train_size": trained.train_size, "test_size": trained.test_size}
    return recipe.replace(**{name: one for name, one in changes.items() if one is not None})
