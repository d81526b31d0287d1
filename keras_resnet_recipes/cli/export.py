"""The command export."""

import argparse
from typing import Any

from keras_resnet_recipes.cli.models import MODEL, add_model_options, trained
from keras_resnet_recipes.cli.recipes import DATA
from keras_resnet_recipes.cli.terminal import say


def add_commands(commands: Any) -> None:
    """Adds export."""
    command = commands.add_parser(
        "export", help="export a trained model to SavedModel, ONNX or LiteRT, and check the file"
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
        help="side of the input images, or any for a file that takes all sizes; default: the model's evaluation size",
    )
    command.add_argument(
        "--quantize",
        choices=("float16", "int8"),
        help="for litert: weights in float16, or weights and activations in int8",
    )
    command.add_argument(
        "--calibration",
        metavar="DATA",
        help="for int8: images to calibrate the range of the activations, such as the training data; 256 are used",
    )
    command.add_argument(
        "--data",
        metavar="DATA",
        help=f"evaluate both the file and the Keras model on these images, and count where they agree: {DATA}",
    )
    add_model_options(command)
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    from keras_resnet_recipes.evaluation import calibration_images, compare
    from keras_resnet_recipes.export import export as export_model
    from keras_resnet_recipes.export import load

    if options.data is not None and options.size == "any":
        raise ValueError("`--data` must not be given with `--size any`. Received: --size any")
    fixed = None if options.size == "any" else options.size
    loaded = trained(options.model, options, fixed)
    if options.data is not None and getattr(loaded.model, "multi_label", False):
        raise ValueError(
            "`--data` must not be given for a run on images with several labels, whose classes cannot be compared. "
            f"Received: --data {options.data}"
        )
    calibration = None
    if options.calibration is not None:
        calibration = calibration_images(options.calibration, loaded.crop)
    deviation = export_model(
        loaded.model,
        options.out,
        options.to,
        activation=loaded.activation,
        size=None if options.size == "any" else loaded.crop.size,
        quantize=options.quantize,
        calibration=calibration,
    )
    kind = "random" if calibration is None else "calibration"
    say(
        f"{options.out}: on {kind} images, probabilities differ from the Keras model's by at most "
        f"{deviation:.1e} of the largest one"
    )
    if options.data is not None:
        run = load(options.out, options.to)
        say(compare(run, loaded.model, options.data, loaded.crop))


def _size(text: str) -> int | str:
    return text if text == "any" else int(text)
