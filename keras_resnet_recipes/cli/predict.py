"""The command predict."""

import argparse
import csv
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.cli.models import MODEL, add_model_options, trained
from keras_resnet_recipes.cli.terminal import complain, say
from keras_resnet_recipes.names import printable

if TYPE_CHECKING:
    from keras_resnet_recipes.evaluation.predictions import Prediction

# Spreadsheets take a cell that begins with one of these, or with its full-width form, for a formula.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def add_commands(commands: Any) -> None:
    """Adds predict."""
    command = commands.add_parser("predict", help="classify images with a trained model")
    command.add_argument("--model", metavar="MODEL", help=f"{MODEL}; default: the first argument")
    command.add_argument(
        "paths",
        metavar="IMAGE",
        nargs="+",
        help="image files and folders; without --model, the first argument is the model",
    )
    command.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="classes per image; default: 5, or all for a run on images with several labels",
    )
    command.add_argument(
        "--csv",
        action="store_true",
        help="print CSV with the columns path,rank,class,name,probability; a path or name that begins with =, +, - or "
        "@ gets a leading apostrophe, so that spreadsheets do not run it as a formula",
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
    command.add_argument(
        "--exif-rotate",
        action="store_true",
        help="rotate images by their EXIF orientation, as phones show them; default: ignore it, as in training",
    )
    command.add_argument(
        "--explain",
        metavar="DIR",
        help="write a copy of each image with the class activation map of its most probable class to this new folder",
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
    folder = None if options.explain is None else _new_folder(options.explain)
    loaded = trained(name, options, options.size)
    predictions = predict(
        loaded.model,
        paths,
        loaded.crop,
        activation=loaded.activation,
        top=options.top,
        batch_size=options.batch_size,
        exif_rotate=options.exif_rotate,
        explain=folder is not None,
    )
    seen = _Seen([], [])
    readable = seen.readable(predictions)
    if folder is not None:
        readable = _explained(readable, folder)
    (_print_csv if options.csv else _print)(readable)
    sys.stdout.flush()
    if folder is not None and folder.is_dir():
        say(f"{folder}: the images with their class activation maps", file=sys.stderr)
    if seen.turned and not options.exif_rotate:
        complain(_ignored(seen.turned))
    for prediction in seen.unreadable:
        complain(f"cannot read {printable(prediction.path)}: {prediction.error}")
    if seen.unreadable:
        complain(f"unreadable images: {len(seen.unreadable)}")
    return 1 if seen.unreadable else 0


@dataclasses.dataclass
class _Seen:
    """Predictions of paths that cannot be read, and of images with an EXIF orientation other than upright."""

    unreadable: "list[Prediction]"
    turned: "list[Prediction]"

    def readable(self, predictions: Iterable["Prediction"]) -> Iterator["Prediction"]:
        """Yields the predictions of readable images."""
        for prediction in predictions:
            if prediction.orientation != 1:
                self.turned.append(dataclasses.replace(prediction, explanation=None))
            if prediction.error is None:
                yield prediction
            else:
                self.unreadable.append(prediction)


def _ignored(turned: Sequence["Prediction"]) -> str:
    first, more = printable(turned[0].path), len(turned) - 1
    images = f"{first} and {more} more images have" if more else f"{first} has"
    return f"{images} an EXIF orientation that is ignored, as in training; --exif-rotate applies it"


def _new_folder(path: str) -> Path:
    folder = Path(path).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"`--explain` must be a new or empty folder. Received: {path!r}")
    return folder


def _explained(predictions: Iterable["Prediction"], folder: Path) -> Iterator["Prediction"]:
    """Yields the predictions, after it has written their explanations."""
    from PIL import Image

    for number, prediction in enumerate(predictions, 1):
        folder.mkdir(parents=True, exist_ok=True)
        # Files of different folders may have the same name.
        path = folder / f"{number:04}-{Path(prediction.path).stem}.jpg"
        Image.fromarray(prediction.explanation).save(path, quality=90)
        yield prediction


def _print(predictions: Iterable["Prediction"]) -> None:
    for prediction in predictions:
        say(printable(prediction.path))
        for label in prediction.labels:
            mark = "*" if label in prediction.present else " "
            say(f"{mark} {label[2]:7.2%}  {printable(label[1])}")


def _print_csv(predictions: Iterable["Prediction"]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("path", "rank", "class", "name", "probability"))
    for prediction in predictions:
        for rank, (label, name, probability) in enumerate(prediction.labels, 1):
            cells = _cell(prediction.path), rank, label, _cell(name), f"{probability:.6g}"
            writer.writerow(cells)


def _cell(name: str) -> str:
    """Returns a name as a cell that no spreadsheet takes for a formula.

    References:
        OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection: tabs and line breaks at the
        beginning are as dangerous; `printable` escapes them.
    """
    name = printable(name)
    return f"'{name}" if name.startswith(_FORMULA) else name
