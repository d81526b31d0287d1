"""The command `krr`: recipes listed, shown, compared, trained and evaluated; data prepared."""

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipes import RECIPES, Recipe, compare, load_recipe
from keras_resnet_recipes.recipes.tables import table
from keras_resnet_recipes.version import __version__

_DATA = "folder with one subfolder a class or of krr prepare, .csv of path,label, or tfds:NAME"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: The words after `krr`; by default those of the process.

    Returns:
        Exit status: 0, or 2 for a mistake in the arguments or the data, 1 when training or the disk fails,
        130 when interrupted. SIGTERM exits with 143.

    >>> from keras_resnet_recipes.cli import main
    >>> main(["compare", "A1", "A2"])
                     A1     A2
    epochs           600    300
    weight_decay     0.01   0.02
    label_smoothing  0.1    0
    mixup_alpha      0.2    0.1
    0
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, ImportError, ConnectionError) as error:
        if options.debug:
            raise
        print(f"krr: error: {error}", file=sys.stderr)
        return 2
    except (FloatingPointError, OSError) as error:
        if options.debug:
            raise
        print(f"krr: error: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resumes = getattr(options, "run_dir", None) or getattr(options, "folder", None)
        more = "; the same command goes on where this one stopped" if resumes else ""
        print(f"krr: interrupted{more}", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="krr", description="Published ResNet training procedures for Keras 3."
    )
    parser.add_argument(
        "--version", action="version", version=f"keras-resnet-recipes {__version__}"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="all recipes")
    command.set_defaults(run=_list)

    command = commands.add_parser("show", help="every value of a recipe")
    command.add_argument("recipe", metavar="RECIPE", help="such as A1")
    _add_changes(command)
    command.set_defaults(run=_show)

    command = commands.add_parser("preview", help="draw what the network will see")
    command.add_argument("recipe", metavar="RECIPE", help="such as A1")
    command.add_argument("--data", required=True, metavar="DATA", help=_DATA)
    command.add_argument("--out", default="preview.png", metavar="PNG", help="default preview.png")
    command.add_argument("--seed", type=int, default=0, help="seed of order and augmentation")
    _add_changes(command)
    command.set_defaults(run=_preview)

    command = commands.add_parser("compare", help="recipes side by side")
    command.add_argument("recipes", metavar="RECIPE", nargs="+", help="such as A1 A2 A3")
    command.add_argument("--all", action="store_true", help="also the rows in which all agree")
    command.set_defaults(run=_compare)

    _add_train(commands.add_parser("train", help="train a recipe on a data set"))
    _add_evaluate(commands.add_parser("evaluate", help="evaluate a trained run on a data set"))
    _add_prepare(
        commands.add_parser("prepare", help="write a data set into files that are read faster")
    )
    return parser


def _add_changes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field, VALUE as in Python: --set epochs=30 --set crop_scale='(0.5, 1)'; repeatable",
    )


def _add_train(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE", help="such as A3, or the recipe.json of a run")
    command.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=_DATA,
    )
    command.add_argument("--val", metavar="DATA", help="the same, to evaluate after every epoch")
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
    _add_changes(command)
    command.set_defaults(run=_train)


def _add_evaluate(command: argparse.ArgumentParser) -> None:
    command.add_argument("run_dir", metavar="DIR", help="folder that krr train wrote")
    command.add_argument(
        "--data",
        required=True,
        metavar="DATA",
        help=_DATA,
    )
    command.add_argument(
        "--weights", choices=("best", "last"), help="default: best where there are some"
    )
    _add_changes(command)
    command.set_defaults(run=_evaluate)


def _add_prepare(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", metavar="SRC", help=_DATA)
    command.add_argument("folder", metavar="DST", help="new folder; an unfinished one goes on")
    size = command.add_mutually_exclusive_group()
    # Without a default here: it is the function's, and importing that takes TensorFlow.
    size.add_argument(
        "--shorter-side",
        type=int,
        default=argparse.SUPPRESS,
        metavar="PIXELS",
        help="make larger images smaller; default 294, 1.15 times 256",
    )
    size.add_argument(
        "--original",
        dest="shorter_side",
        action="store_const",
        const=None,
        default=argparse.SUPPRESS,
        help="keep the bytes of all images",
    )
    command.add_argument(
        "--quality",
        type=int,
        default=argparse.SUPPRESS,
        metavar="1..100",
        help="JPEG quality of images made smaller; default 90",
    )
    command.add_argument("--split", default="train", help="split of a TFDS name; default train")
    command.set_defaults(run=_prepare)


def _list(options: argparse.Namespace) -> None:
    rows = [("recipe", "network", "train", "test", "epochs", "published top-1", "source")]
    for name, recipe in RECIPES.items():
        values = recipe()
        sizes = (f"{values.train_size} px", f"{values.test_size} px")
        source = f"arXiv {recipe.source.arxiv}" if recipe.source else ""
        rows.append(
            (name, values.network, *sizes, str(values.epochs), f"{recipe.published_top1} %", source)
        )
    print("\n".join(table(rows)))


def _show(options: argparse.Namespace) -> None:
    print(_changed(_recipe(options.recipe), options.changes))


def _preview(options: argparse.Namespace) -> None:
    recipe = _changed(_recipe(options.recipe), options.changes)
    print(recipe.preview(options.data, options.out, seed=options.seed))


def _compare(options: argparse.Namespace) -> None:
    print(compare(*(_recipe(name) for name in options.recipes), every_row=options.all))


def _train(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import distribution

    distribution.join_hosts()
    recipe = _recipe(options.recipe)
    if options.rescale is not None:
        recipe = recipe.rescaled(options.rescale)
    recipe = _changed(recipe, options.changes)
    print(recipe)
    history = recipe.fit(
        options.data,
        validation_data=options.val,
        run_dir=options.run_dir,
        distribution=options.distribution,
        data_service=options.data_service,
        save_every_steps=options.save_every_steps,
        on_nan=options.on_nan,
        seed=options.seed,
        verbose=_verbosity(),
    )
    print(_summary(history.history, options.run_dir))


def _evaluate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import training

    recipe = load_recipe(options.run_dir)
    model = training.load_run(options.run_dir, options.weights)
    result = _changed(recipe, options.changes).evaluate(model, options.data, verbose=_verbosity())
    print(
        "  ".join(
            f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
            for name, value in result.items()
        )
    )


def _prepare(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import data

    chosen = {
        key: value for key, value in vars(options).items() if key in ("shorter_side", "quality")
    }
    images = data.from_source(options.source, split=options.split)
    data.write_tfrecords(images, options.folder, **chosen, verbose=_verbosity())


def _recipe(name: str) -> Recipe:
    if name in RECIPES:
        return RECIPES[name]()
    if Path(name).exists():
        return load_recipe(name)
    raise ValueError(
        f"there is no recipe {name!r}.{closest(name, RECIPES)} Recipes are {', '.join(RECIPES)}."
    )


def _changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    values = {}
    for change in changes:
        field, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"`--set` takes FIELD=VALUE; received {change!r}.")
        values[field] = _value(text)
    return recipe.replace(**values)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text  # a word such as ResNet18, which nobody wants to quote twice in a shell


def _verbosity() -> int:
    return 1 if sys.stdout.isatty() else 2


def _summary(history: dict[str, list[float]], run_dir: str | None) -> str:
    text = f"trained {len(history['loss'])} epochs, loss {history['loss'][-1]:.4f}"
    if "val_top1" in history:
        top1 = history["val_top1"]
        text += (
            f", top-1 {top1[-1]:.4f} (best {max(top1):.4f} in epoch {top1.index(max(top1)) + 1})"
        )
    return text + (f"; run folder {run_dir}" if run_dir else "")
