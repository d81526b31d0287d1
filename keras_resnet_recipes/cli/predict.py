"""The command predict."""

import argparse
import csv
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.models import MODEL, add_model_options, trained

if TYPE_CHECKING:
    from keras_resnet_recipes.evaluation.predictions import Prediction


def add_commands(commands: Any) -> None:
    """Adds predict."""
    command = commands.add_parser("predict", help="classify images with a trained model")
    command.add_argument("--model", metavar="MODEL", help=f"{MODEL}; default: the first IMAGE")
    command.add_argument("paths", metavar="IMAGE", nargs="+", help="image files and folders")
    command.add_argument(
        "--top", type=int, default=5, metavar="N", help="classes per image; default: 5"
    )
    command.add_argument(
        "--csv", action="store_true", help="print CSV with columns path,rank,class,name,probability"
    )
    command.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help="side of the input images; default: the model's evaluation size",
    )
    command.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="images per batch; default: 32"
    )
    add_model_options(command)
    command.set_defaults(run=_predict)


def _predict(options: argparse.Namespace) -> int:
    from keras_resnet_recipes.evaluation.predictions import predict

    name, paths = options.model, options.paths
    if name is None:
        name, *paths = paths
    if not paths:
        raise ValueError(f"`MODEL` and at least one `IMAGE` must be given. Received: only {name!r}")
    loaded = trained(name, options, options.size)
    predictions = predict(
        loaded.model,
        paths,
        loaded.crop,
        activation=loaded.activation,
        top=options.top,
        batch_size=options.batch_size,
    )
    unreadable = (_print_csv if options.csv else _print)(predictions)
    if unreadable:
        print(f"krr: unreadable images: {unreadable}", file=sys.stderr)
    return 1 if unreadable else 0


def _print(predictions: Iterable["Prediction"]) -> int:
    unreadable = 0
    for prediction in predictions:
        if prediction.error is not None:
            unreadable += _print_error(prediction)
            continue
        print(prediction.path)
        for _, name, probability in prediction.labels:
            print(f"  {probability:7.2%}  {name}")
    return unreadable


def _print_csv(predictions: Iterable["Prediction"]) -> int:
    unreadable, writer = 0, csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "rank", "class", "name", "probability"))
    for prediction in predictions:
        if prediction.error is not None:
            unreadable += _print_error(prediction)
        for rank, (label, name, probability) in enumerate(prediction.labels, 1):
            writer.writerow((prediction.path, rank, label, name, f"{probability:.6g}"))
    return unreadable


def _print_error(prediction: "Prediction") -> int:
    print(f"krr: cannot read {prediction.path}: {prediction.error}", file=sys.stderr)
    return 1
