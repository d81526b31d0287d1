"""Overview of a run, printed before it trains."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras

from keras_resnet_recipes import distribution
from keras_resnet_recipes.names import counted, printable
from keras_resnet_recipes.recipe import BaseRecipe, misfits
from keras_resnet_recipes.recipe.table import changes, table
from keras_resnet_recipes.runs.checkpoints import Position
from keras_resnet_recipes.training.build import resolved_precision
from keras_resnet_recipes.training.checks import compute_dtypes

if TYPE_CHECKING:
    from keras_resnet_recipes.data import ImageDataset, ImageStream


def overview(
    recipe: BaseRecipe,
    data: "ImageDataset | ImageStream",
    validation: "ImageDataset | ImageStream | None",
    model: keras.Model | None,
    run_dir: str | Path | None,
    position: Position,
    steps: int,
    replicas: int,
) -> str:
    """Returns the recipe's changed values, lines about data, classes, precision and length, and what does not fit it.

    Args:
        recipe: The recipe, its `classes` known.
        data: The training data.
        validation: The validation data, if there are any.
        model: The model that was given instead of the recipe's network, if there is one.
        run_dir: The run folder, if there is one.
        position: Where the run resumes.
        steps: Updates per epoch.
        replicas: Number of devices.
    """
    devices = ", ".join(distribution.accelerators()) or "the CPU"
    if model is None:
        precision = f"{resolved_precision(recipe)}, for {devices}"
    else:
        precision = f"{', '.join(sorted(compute_dtypes(model)))}, as the given model has it"
    spread = f", on {replicas} devices" if replicas > 1 else ""
    rows = [
        ("data", _size(data)),
        ("validation", "none" if validation is None else _size(validation)),
        ("classes", f"{recipe.classes:,}"),
        ("precision", precision),
        (
            "training",
            f"{counted(recipe.total_epochs, 'epoch')} of {counted(steps, 'update')} "
            f"with {counted(recipe.batch_size, 'image')} each{spread}",
        ),
        ("run folder", _folder(recipe, run_dir, position)),
    ]
    # The number of classes has a line of its own.
    own = recipe.replace(classes=type(recipe)().classes)
    lines = ["", changes(own), "", *table(rows), ""]
    # A given model has the scales that it has.
    trained = recipe if model is None else recipe.replace(zero_gamma=False)
    if notes := list(misfits(trained, steps)):
        lines += [*notes, ""]
    return printable("\n".join(lines), keep="\n")


def _size(data: "ImageDataset | ImageStream") -> str:
    return data.name if data.size is None else f"{data.name}, {counted(data.size, 'image')}"


def _folder(recipe: BaseRecipe, run_dir: str | Path | None, position: Position) -> str:
    if run_dir is None:
        return "none: nothing is saved"
    if position == Position():
        return f"{str(run_dir)!r}, new"
    if position.stopped or position.epochs == recipe.total_epochs:
        return f"{str(run_dir)!r}, finished"
    within = f" and {position.batches:,} batches" if position.batches else ""
    return f"{str(run_dir)!r}, resumes after {counted(position.epochs, 'epoch')}{within}"
