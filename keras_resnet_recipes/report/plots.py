"""PNG images of a model card."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from keras_resnet_recipes.evaluation import Examination
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import printable
from keras_resnet_recipes.report.folder import Run

# With more classes, a reliability diagram takes the place of the confusion matrix.
_MOST = 30
_TRAINING, _VALIDATION = "#0b62b8", "#c2510c"


def has_matplotlib() -> bool:
    """Returns whether matplotlib (the extra `plot`) is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def save_curves(run: Run, path: Path) -> None:
    """Plots loss and first metric over the epochs, in training and on the validation data.

    Args:
        run: The run, with at least one finished epoch.
        path: PNG file to write.
    """
    figure = _matplotlib("figure").Figure(figsize=(8, 3.2), layout="constrained")
    metric, title = next(iter(run.scores.items()))
    plots = ("loss", "loss", 1), (metric, f"{title}, %", 100)
    for axes, (name, title, factor) in zip(figure.subplots(1, 2), plots, strict=True):
        curves = (
            ("training", name, _TRAINING, "--"),
            ("validation", f"val_{name}", _VALIDATION, "-"),
        )
        for label, column, color, style in curves:
            points = run.column(column)
            if points:
                epochs, values = np.array(points).T
                dots = "." if len(points) <= 30 else None
                axes.plot(epochs, factor * values, style, color=color, label=label, marker=dots)
        axes.set(xlabel="epoch", ylabel=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(frameon=False)
    _save(figure, path)


def save_confusion(examination: Examination, path: Path) -> str:
    """Plots the confusion matrix, or a reliability diagram for more than 30 classes.

    Args:
        examination: Predictions for the validation data.
        path: PNG file to write.

    Returns:
        What the image shows.
    """
    if len(examination.class_names) > _MOST:
        _save(_reliability(examination), path)
        return "Accuracy by probability of the predicted class"
    _save(_confusion(examination), path)
    return "Confusion matrix"


def _confusion(examination: Examination) -> Any:
    counts, classes = examination.confusion, len(examination.class_names)
    side = 2.2 + 0.42 * classes
    figure = _matplotlib("figure").Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        color = "white" if fractions[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
    # matplotlib takes what is between dollar signs for a formula.
    names = [printable(name).replace("$", r"\$") for name in examination.class_names]
    axes.set_xticks(range(classes), names, rotation=90)
    axes.set_yticks(range(classes), names)
    axes.set(xlabel="predicted", ylabel="class")
    return figure


def _reliability(examination: Examination) -> Any:
    figure = _matplotlib("figure").Figure(figsize=(4.4, 4.4), layout="constrained")
    axes, bins = figure.subplots(), examination.confidence_bins
    edges = [bin.low for bin in bins]
    width = bins[0].high - bins[0].low
    axes.bar(edges, [bin.accuracy for bin in bins], width, align="edge", edgecolor="white")
    axes.plot([0, 1], [0, 1], "--", color="gray")
    axes.set(
        xlabel="probability of the predicted class", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1)
    )
    return figure


def _save(figure: Any, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


def _matplotlib(module: str) -> ModuleType:
    return importlib.import_module(f"matplotlib.{module}")
