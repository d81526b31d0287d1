"""The command export."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.models import MODEL, add_model_options, trained
from keras_resnet_recipes.cli.terminal import say


def add_commands(commands: Any) -> None:
    """Adds export."""
    command = commands.add_parser(
        "export", help="export a trained model to SavedModel, ONNX or LiteRT, and verify the file"
    )
    command.add_argument("model", metavar="MODEL", help=MODEL)
    command.add_argument(
        "--to",
        required=True,
        # LiteRT is the new name of TensorFlow Lite.
        type=lambda name: "litert" if name == "tflite" else name,
        choices=("saved_model", "onnx", "litert"),
        help="file format",
    )
    command.add_argument(
        "--out",
        required=True,
        metavar="PATH",
        help="new folder for saved_model; file *.onnx for onnx, *.tflite for litert",
    )
    command.add_argument(
        "--size",
        type=_size,
        metavar="PIXELS",
        help="side of the input images, or any; default: the model's evaluation size",
    )
    add_model_options(command)
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    from keras_resnet_recipes.export import export as export_model

    fixed = None if options.size == "any" else options.size
    loaded = trained(options.model, options, fixed)
    deviation = export_model(
        loaded.model,
        options.out,
        options.to,
        activation=loaded.activation,
        size=None if options.size == "any" else loaded.crop.size,
    )
    say(
        f"{options.out}: on random images, probabilities differ from the Keras model's by at most "
        f"{deviation:.1e} of the largest one"
    )


def _size(text: str) -> int | str:
    return text if text == "any" else int(text)
