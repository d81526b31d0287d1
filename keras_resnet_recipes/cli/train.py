"""Training and evaluation: train, evaluate."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.recipes import DATA, add_changes, changed, named_recipe
from keras_resnet_recipes.cli.terminal import verbosity
from keras_resnet_recipes.recipes import load_recipe

if TYPE_CHECKING:
    import keras


def add_commands(commands: Any) -> None:
    """Adds train and evaluate."""
    _add_train(commands.add_parser("train", help="train a recipe on a data set"))
    _add_evaluate(commands.add_parser("evaluate", help="evaluate a trained run on a data set"))


def _add_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help="such as A3, or the recipe.json of a run")
    command.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=DATA,
    )
    command.add_argument("--val", metavar="DATA", help="the same, to evaluate after every epoch")
    command.add_argument(
        "--teacher", metavar="PATH", help="run folder or .keras file of a network to learn from"
    )
    command.add_argument(
        "--run-dir", metavar="DIR", help="folder for log and weights; an existing run goes on"
    )
    command.add_argument(
        "--rescale", type=int, metavar="BATCH", help="batch size, the learning rate scaled with it"
    )
    command.add_argument(
        "--distribution",
        default="auto",
        metavar="HOW",
        help="auto, none, mirrored (TensorFlow) or data_parallel (JAX)",
    )
    command.add_argument(
        "--data-service", metavar="ADDRESS", help="grpc://host:port of a tf.data service"
    )
    command.add_argument(
        "--save-every-steps",
        type=int,
        metavar="N",
        help="save within an epoch, too, every N updates",
    )
    command.add_argument(
        "--on-nan", choices=("stop", "skip"), default="stop", help="at a loss that is not finite"
    )
    command.add_argument(
        "--seed", type=int, default=0, help="seed of weights, order and augmentation"
    )
    add_changes(command)
    command.set_defaults(run=_train)


def _add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run_dir", metavar="DIR", help="folder that krr train wrote")
    command.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=DATA,
    )
    command.add_argument(
        "--weights", choices=("best", "last"), help="default: best where there are some"
    )
    add_changes(command)
    command.set_defaults(run=_evaluate)


def _train(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import distribution

    distribution.join_hosts()
    recipe = named_recipe(options.recipe)
    if options.rescale is not None:
        recipe = recipe.rescaled(options.rescale)
    recipe = changed(recipe, options.changes)
    print(recipe)
    history = recipe.fit(
        options.data,
        validation_data=options.val,
        teacher=None if options.teacher is None else _network(options.teacher),
        run_dir=options.run_dir,
        distribution=options.distribution,
        data_service=options.data_service,
        save_every_steps=options.save_every_steps,
        on_nan=options.on_nan,
        seed=options.seed,
        verbose=verbosity(),
    )
    print(_summary(history.history, options.run_dir))


def _network(path: str) -> "keras.Model":
    from keras_resnet_recipes import inference, training

    return training.load_run(path) if Path(path).is_dir() else inference.load_file(path)


def _evaluate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import training

    recipe = load_recipe(options.run_dir)
    model = training.load_run(options.run_dir, options.weights)
    result = changed(recipe, options.changes).evaluate(model, options.data, verbose=verbosity())
    print(
        "  ".join(
            f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
            for name, value in result.items()
        )
    )


def _summary(history: dict[str, list[float]], run_dir: str | None) -> str:
    text = f"trained {len(history['loss'])} epochs, loss {history['loss'][-1]:.4f}"
    if "val_top1" in history:
        top1 = history["val_top1"]
        text += (
            f", top-1 {top1[-1]:.4f} (best {max(top1):.4f} in epoch {top1.index(max(top1)) + 1})"
        )
    return text + (f"; run folder {run_dir}" if run_dir else "")
