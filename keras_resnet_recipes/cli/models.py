"""The argument MODEL: a run folder, a .keras file, or the name of a network with weights."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnet_recipes import applications
from keras_resnet_recipes.input_pipeline.evaluation import center_crop
from keras_resnet_recipes.names import closest, closest_path
from keras_resnet_recipes.recipe import BaseRecipe, load_recipe

if TYPE_CHECKING:
    import keras

    from keras_resnet_recipes.augment import CenterCrop

MODEL = "run folder of krr train, .keras file, or network such as ResNet50 with --weights"


@dataclasses.dataclass(frozen=True)
class Trained:
    """A model, its evaluation crop, and the activation of its logits if known."""

    model: "keras.Model"
    crop: "CenterCrop"
    activation: str | None


def add_model_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that `trained` uses."""
    command.add_argument(
        "--weights",
        metavar="WEIGHTS",
        help="of a network: a tag such as a1_in1k, or a file; of a run: best (the default, if saved) or last",
    )
    command.add_argument(
        "--activation",
        choices=("softmax", "sigmoid"),
        help="activation of the logits; default: sigmoid for a model trained with binary cross-entropy, else softmax",
    )


def trained(name: str, options: argparse.Namespace, size: int | None = None) -> Trained:
    """Loads the model of a MODEL argument.

    Args:
        name: The argument.
        options: Options with `weights` and `activation`.
        size: Side of the input images in pixels; by default the model's evaluation size.

    Raises:
        ValueError: If there is no such model, or `--weights` does not apply to it.
    """
    if size is not None and size < 1:
        raise ValueError(f"`--size` must be at least 1. Received: --size {size}")
    if Path(name).is_dir():
        return _of_run(name, options, size)
    if Path(name).suffix == ".keras":
        if options.weights is not None:
            raise ValueError(
                f"`--weights` must not be given for a .keras file. Received: --weights {options.weights}"
            )
        from keras_resnet_recipes.applications.keras_file import load_file

        model = load_file(name, compile=options.activation is None)
    else:
        model = _network(name, options.weights)
    from keras_resnet_recipes.evaluation.predictions import evaluation_crop

    return Trained(model, evaluation_crop(model, size), options.activation)


def load_network(path: str) -> "keras.Model":
    """Loads the model of a run folder or a .keras file for `--teacher`.

    Raises:
        ValueError: If it does not exist.
    """
    from keras_resnet_recipes import training

    if Path(path).is_dir():
        return training.load_run(path)
    if Path(path).suffix != ".keras":
        raise ValueError(
            "`--teacher` must be an existing run folder or .keras file. "
            f"Received: --teacher {path!r}.{closest_path(Path(path))}"
        )
    from keras_resnet_recipes.applications.keras_file import load_file

    return load_file(path)


def _of_run(folder: str, options: argparse.Namespace, size: int | None) -> Trained:
    from keras_resnet_recipes import training

    if options.weights not in (None, "best", "last"):
        raise ValueError(
            f"`--weights` must be best or last for a run. Received: --weights {options.weights}"
        )
    recipe: BaseRecipe = load_recipe(folder)
    crop = center_crop(recipe, size)
    activation = options.activation or recipe.loss.activation
    return Trained(training.load_run(folder, options.weights), crop, activation)


def _network(name: str, weights: str | None) -> "keras.Model":
    if name not in applications.NETWORKS:
        raise ValueError(
            "`MODEL` must be an existing run folder, a .keras file or a network. "
            f"Received: {name!r}.{closest(name, applications.NETWORKS)} "
            f"Networks are {', '.join(applications.NETWORKS)}."
        )
    if weights is None:
        raise ValueError(
            f"`--weights` must be given for the network {name}: a tag such as a1_in1k, or a file."
        )
    return getattr(applications, name)(weights=weights, classifier_activation=None)
