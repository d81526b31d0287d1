"""The command evaluate."""

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.recipes import (
    DATA,
    add_changes,
    add_label_offset,
    changed,
    with_offset,
)
from keras_resnet_recipes.cli.terminal import say, verbosity
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import printable
from keras_resnet_recipes.recipe import load_recipe

if TYPE_CHECKING:
    from keras_resnet_recipes.evaluation import ClassFigures, Examination

# Fields by which an evaluation may differ from those in the training.
_EVALUATION = "test", "batch_size", "data_on_device", "unreadable_images"
# Classes in the table; the JSON file has all.
_ROWS = 20


def add_commands(commands: Any) -> None:
    """Adds evaluate."""
    command = commands.add_parser(
        "evaluate", help="evaluate a run: accuracy, figures per class, calibration"
    )
    command.add_argument("run_dir", metavar="DIR", help="run folder of krr train")
    command.add_argument("--data", required=True, metavar="DATA", help=DATA)
    command.add_argument(
        "--weights", choices=("best", "last"), help="weights to evaluate; default: best if saved"
    )
    command.add_argument(
        "--json",
        metavar="FILE",
        help="also write all figures to this file, with those of every class and the confusion matrix",
    )
    add_label_offset(command)
    add_changes(command)
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from keras_resnet_recipes import training
    from keras_resnet_recipes.evaluation import examine

    trained = load_recipe(options.run_dir)
    recipe = changed(trained, options.changes)
    if recipe.replace(**{name: getattr(trained, name) for name in _EVALUATION}) != trained:
        raise ValueError(
            "`--set` must change how the run is evaluated, such as test_size; its network and training are past. "
            f"Received: --set {' --set '.join(options.changes)}"
        )
    model = training.load_run(options.run_dir, options.weights)
    data = with_offset(options.data, options, "validation")
    bar = int(verbosity() == 1)
    if model.multi_label:
        figures = recipe.evaluate(model, data, verbose=bar)
        say(_scores(figures))
    else:
        found = examine(recipe, model, data, verbose=bar)
        figures = found.as_dict()
        say("\n".join([_scores(found.scores), "", *_table(found), "", *_notes(found)]))
    if options.json is not None:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        say(options.json)


def _scores(scores: Mapping[str, float]) -> str:
    return "  ".join(
        f"{name} {value:.4f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in scores.items()
    )


def _table(found: "Examination") -> list[str]:
    """Returns the lines of the classes with the lowest F1, the lowest first, and of the mean of all."""
    rows = sorted(found.per_class, key=lambda row: row.f1)
    rows = [*rows[:_ROWS], found.macro_average]
    names = [printable(row.name) for row in rows]
    width = max(map(len, ("class", *names)))
    lines = [_line(name, width, row) for name, row in zip(names, rows, strict=True)]
    if len(found.per_class) > _ROWS:
        hidden = len(found.per_class) - _ROWS
        lines.insert(-1, f"... {hidden} more classes with a higher F1; --json FILE writes all")
    return [f"{'class':{width}}  images  precision    recall        F1", *lines]


def _line(name: str, width: int, row: "ClassFigures") -> str:
    return (
        f"{name:{width}}  {row.images:6}   {row.precision:8.2%}  {row.recall:8.2%}  {row.f1:8.2%}"
    )


def _notes(found: "Examination") -> list[str]:
    source = "" if found.activation is None else f" ({found.activation})"
    lines = [
        f"calibration error {found.calibration_error:.2%}: mean distance between the probability of the predicted "
        f"class{source} and the accuracy"
    ]
    if found.constant_is_as_good:
        lines.append(
            f"A constant answer, always {found.most_frequent_class}, would score as high: "
            f"top1 {found.constant_top1:.4f}."
        )
    return lines
