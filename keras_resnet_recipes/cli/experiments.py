"""The papers' experiments: degradation, ablate, architecture-search."""

import argparse
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.models import load_network
from keras_resnet_recipes.cli.recipes import DATA, add_size, chosen_recipe
from keras_resnet_recipes.cli.terminal import verbosity
from keras_resnet_recipes.memory import has_test_pictures, is_npz

if TYPE_CHECKING:
    from keras_resnet_recipes.experiments import Results


def add_commands(commands: Any) -> None:
    """Adds degradation, ablate and architecture-search."""
    command = commands.add_parser(
        "degradation", help="plain against residual networks of several depths, with a plot"
    )
    command.add_argument(
        "recipe", metavar="RECIPE", nargs="?", default="He2015CIFAR", help="default He2015CIFAR"
    )
    command.add_argument(
        "--depths", type=int, nargs="+", default=[20, 56], metavar="LAYERS", help="default 20 56"
    )
    _add_runs(command, _degradation)

    command = commands.add_parser("ablate", help="what each ingredient of a recipe is worth")
    command.add_argument("recipe", metavar="RECIPE", help="such as BagOfTricks or A2")
    command.add_argument(
        "--teacher",
        metavar="PATH",
        help="run folder or .keras file of a network: the rows with a teacher learn from it, of other recipes "
        "than BagOfTricks all rows",
    )
    _add_rows(command)
    _add_runs(command, _ablate)

    command = commands.add_parser(
        "architecture-search", help="the 15 networks of the CIFAR-10 speed run's search"
    )
    command.add_argument(
        "recipe", metavar="RECIPE", nargs="?", default="DAWNBench", help="default DAWNBench"
    )
    command.add_argument(
        "--epochs", type=int, default=20, metavar="N", help="of each run; default 20"
    )
    _add_rows(command)
    _add_runs(command, _architecture_search)


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
    """What `--val` says; of an .npz file without it, that file's test pictures."""
    if options.val is None and is_npz(options.data) and has_test_pictures(options.data):
        print(f"`--val`: x_test and y_test of {options.data}.")
        return options.data
    return options.val


def _add_rows(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--row",
        dest="rows",
        action="append",
        metavar="NAME",
        help="train this row of the table only; repeatable",
    )


def _add_runs(command: argparse.ArgumentParser, run: Any) -> None:
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--val",
        metavar="DATA",
        help="the same, to evaluate with; default: the test pictures of an .npz",
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
    command.set_defaults(run=run)


def _runs(options: argparse.Namespace) -> dict[str, Any]:
    validation = validation_of(options)
    if validation is None:
        raise ValueError(
            f"`--val` must be given: accuracies are of it, and {options.data!r} is no readable .npz file "
            "with x_test and y_test."
        )
    return {
        "dataset": options.data,
        "validation_data": validation,
        "run_dir": options.run_dir,
        "seeds": seeds_of(options),
        "distribution": options.distribution,
        "verbose": verbosity(),
    }


def _degradation(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    _print(
        experiments.degradation(
            depths=options.depths, recipe=chosen_recipe(options), **_runs(options)
        )
    )


def _ablate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    runs = _runs(options)
    if options.teacher is not None:
        runs["teacher"] = load_network(options.teacher)
    _print(experiments.ablate(chosen_recipe(options), rows=options.rows, **runs))


def _architecture_search(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import experiments

    if any(change.startswith("epochs=") for change in options.changes):
        raise ValueError("`--epochs N` says how many epochs each run has, not `--set epochs=N`.")
    _print(
        experiments.architecture_search(
            recipe=chosen_recipe(options),
            epochs=options.epochs,
            rows=options.rows,
            **_runs(options),
        )
    )


def _print(results: "Results") -> None:
    print(f"\n{results}")
