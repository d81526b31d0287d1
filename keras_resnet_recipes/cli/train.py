"""The command train."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.experiments import (
    add_seeds,
    add_validation,
    read_validation,
    seeds_of,
)
from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.recipes import (
    DATA,
    RECIPE,
    add_size,
    chosen_recipe,
    named_recipe,
)
from keras_resnet_recipes.cli.terminal import say
from keras_resnet_recipes.names import counted
from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.runs.log import TITLES, monitored

if TYPE_CHECKING:
    import keras

    from keras_resnet_recipes.experiments.runs import Row
    from keras_resnet_recipes.experiments.spread import Log


def add_commands(commands: Any) -> None:
    """Adds train."""
    _add_train(commands.add_parser("train", help="train a recipe on a data set"))


def _add_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--teacher",
        metavar="PATH",
        help="run folder or .keras file of the teacher for distillation",
    )
    add_validation(command, "x_test of an .npz, or val/ next to train/")
    add_options(command)
    add_size(command)
    command.set_defaults(run=_train)


def add_options(command: argparse.ArgumentParser, run_dir: str = "none") -> None:
    """Adds the options of a training that `run` uses; `run_dir` says what the default is."""
    command.add_argument(
        "--run-dir",
        metavar="DIR",
        help=f"run folder for log and weights; run the same command again to resume; default: {run_dir}",
    )
    command.add_argument(
        "--distribution",
        default="auto",
        metavar="HOW",
        help="use of several devices: auto (default), none, mirrored (TensorFlow) or data_parallel (JAX)",
    )
    command.add_argument(
        "--save-every-steps",
        type=int,
        metavar="N",
        help="also save a checkpoint every N updates within an epoch",
    )
    command.add_argument(
        "--accept-changed-data",
        action="store_true",
        help="resume even if images have changed since the run began",
    )
    add_seeds(command)


def _train(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import distribution

    distribution.join_hosts()
    recipe = chosen_recipe(options)
    if options.rescale is not None and recipe.learning_rate is not None:
        say(
            f"{options.rescale} images per update: the learning rate is {recipe.learning_rate:.4g}, scaled from "
            f"{named_recipe(options.recipe).learning_rate:.4g}."
        )
    read_validation(options)
    run(recipe, options)


def run(recipe: Recipe, options: argparse.Namespace) -> None:
    """Trains a recipe once, or with each seed, and prints the result."""
    if len(seeds_of(options)) > 1:
        say(_train_with_each_seed(recipe, options))
        return
    history = _fit(recipe, options, options.run_dir, options.seed)
    say(_result(recipe, history.history, options.run_dir))


def _fit(
    recipe: Recipe, options: argparse.Namespace, run_dir: str | Path | None, seed: int
) -> "keras.callbacks.History":
    return recipe.fit(
        options.data,
        validation_data=options.val,
        teacher=load_network(options.teacher) if getattr(options, "teacher", None) else None,
        run_dir=run_dir,
        distribution=options.distribution,
        save_every_steps=options.save_every_steps,
        accept_changed_data=options.accept_changed_data,
        seed=seed,
    )


def _train_with_each_seed(recipe: Recipe, options: argparse.Namespace) -> str:
    """Trains once per seed and returns a summary with the spread of the results."""
    from keras_resnet_recipes.experiments import runs
    from keras_resnet_recipes.experiments.spread import spreads

    row = runs.Row(type(recipe).__name__, recipe, folder="")

    def fit(row: "Row", run_dir: Path | None, seed: int) -> "keras.callbacks.History":
        return _fit(recipe, options, run_dir, seed)

    seeds = seeds_of(options)
    logs = runs.each_run([row], fit, run_dir=options.run_dir, seeds=seeds)[row.name]
    results = [
        _result(recipe, log, row.run_dir(options.run_dir, seed)) if log else "stopped"
        for seed, log in zip(seeds, logs, strict=True)
    ]
    lines = [f"seed {seed}: {text}" for seed, text in zip(seeds, results, strict=True)]
    return "\n".join(["", *lines, "", str(spreads(logs, recipe.target_top1))])


def _result(recipe: Recipe, history: "Log", run_dir: str | Path | None) -> str:
    text = _summary(history, run_dir)
    if recipe.target_top1 is None or "val_top1" not in history:
        return text
    return f"{text}\n{_time_to(recipe.target_top1, history)}"


def _summary(history: "Log", run_dir: str | Path | None) -> str:
    text = f"trained {counted(len(history['loss']), 'epoch')}, loss {history['loss'][-1]:.4f}"
    if log := monitored(history):
        values, title = history[log], TITLES[log]
        best = max(values)
        text += f", {title} {values[-1]:.4f} (best {best:.4f} in epoch {values.index(best) + 1})"
    return text + (f"; run folder {run_dir}" if run_dir else "")


def _time_to(top1: float, history: "Log") -> str:
    from keras_resnet_recipes.runs.progress import reached

    found = reached(history, top1)
    if found is None:
        return f"{top1:g} % not reached (best {100 * max(history['val_top1']):.2f} %)"
    epoch, seconds = found
    return f"{top1:g} % reached after {seconds:.1f} s of training (without evaluation), in epoch {epoch}"
