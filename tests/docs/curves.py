"""Curves and bar charts for the pages on ingredients."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications.blocks import drop_path_rates
from keras_resnet_recipes.training.learning_rate import learning_rates


def figures() -> dict[str, Figure]:
    """Returns each figure by its name."""
    return {
        "cosine": _rates({"A1": krr.A1(), "A2": krr.A2(), "A3": krr.A3()}),
        "steps": _rates(
            {
                "He2015(step_epochs=(30, 60))": krr.He2015(step_epochs=(30, 60)),
                "Exponential(every_epochs=2.4, factor=0.97)": krr.He2015(
                    schedule=krr.schedules.Exponential(every_epochs=2.4, factor=0.97)
                ),
            }
        ),
        "piecewise-linear": _rates({"DAWNBench": krr.DAWNBench()}),
        "polynomial": _rates(
            {f"FFCVResNet50, {n} epochs": krr.FFCVResNet50(epochs=n) for n in (16, 88)}
        ),
        "progressive-size": _sizes(),
        "stochastic-depth": _stochastic_depth(),
        "targets": _targets(),
        "losses": _losses(),
        "celu": _celu(),
    }


def _axes(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


def _rates(recipes: dict[str, krr.Recipe]) -> Figure:
    figure, axes = _axes("epoch", "learning rate")
    for name, recipe in recipes.items():
        epochs, rates = learning_rates(recipe, 50)
        axes.plot(epochs, rates, drawstyle="steps-post", label=name)
    axes.legend(frameon=False)
    return figure


def _sizes() -> Figure:
    figure, axes = _axes("epoch", "side of a training image, pixels")
    for epochs in (16, 88):
        recipe = krr.FFCVResNet50(epochs=epochs)
        sizes = [recipe.train_size_in(epoch) for epoch in range(epochs)]
        axes.step(range(epochs), sizes, where="post", label=f"FFCVResNet50, {epochs} epochs")
    axes.legend(frameon=False)
    return figure


def _stochastic_depth() -> Figure:
    figure, axes = _axes("residual block of ResNet-50", "probability of being dropped")
    rates = list(drop_path_rates(krr.A1().drop_path_rate, 16))
    axes.bar(range(1, 17), rates)
    return figure


def _targets() -> Figure:
    figure, axes = _axes("class", "target")
    labels = krr.augment.one_hot(np.array([0, 1]), 4, label_smoothing=0.1)
    soft = 0.7 * labels[0] + 0.3 * labels[1]
    kinds = {
        "one-hot": np.eye(4)[0],
        "smoothed by 0.1": labels[0],
        "mixed, λ = 0.7, and smoothed": soft,
        "then thresholded at 0.2 (A1)": (soft > 0.2).astype(float),
    }
    for index, (name, heights) in enumerate(kinds.items()):
        axes.bar(np.arange(4) + 0.2 * (index - 1.5), heights, 0.18, label=name)
    axes.set_xticks(range(4), ["harbor", "meadow", "third", "fourth"])
    axes.legend(frameon=False)
    return figure


def _losses() -> Figure:
    figure, axes = _axes("logit x of one class", "loss of that class")
    logits = np.linspace(-6, 6, 200)
    for target in (1.0, 0.7, 0.0):
        axes.plot(logits, np.logaddexp(0, logits) - target * logits, label=f"target {target:g}")
    axes.legend(frameon=False)
    return figure


def _celu() -> Figure:
    figure, axes = _axes("x", "activation")
    x = np.linspace(-2, 2, 200, dtype=np.float32)
    for alpha in (0.075, 0.3, 1.0):
        axes.plot(x, np.asarray(krr.layers.CELU(alpha)(x)), label=f"CELU, alpha {alpha:g}")
    axes.plot(x, np.maximum(x, 0), "--", color="gray", label="ReLU")
    axes.legend(frameon=False)
    return figure
