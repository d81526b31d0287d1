"""Evaluation and prediction as a recipe does them."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.applications.outputs import gives_logits
from keras_resnet_recipes.applications.plain import check_plain
from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.evaluation import averaged_views, predictions
from keras_resnet_recipes.input_pipeline.evaluation import center_crop, shorter_sides
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import build
from keras_resnet_recipes.training.checks import check_input, check_size
from keras_resnet_recipes.training.feeds import feed_class
from keras_resnet_recipes.training.model import TrainingModel
from keras_resnet_recipes.training.multi_label import check_evaluated, scores


def evaluate(
    recipe: BaseRecipe, model: keras.Model, dataset: Any, *, verbose: str | int = "auto"
) -> dict[str, float]:
    """Evaluates as `Recipe.evaluate` says."""
    recipe = checked(recipe, model)
    with devices.scope_of(model) as replicas:
        check_views(recipe, model, replicas)
        names = getattr(model, "class_names", None)
        data = from_source(dataset, split="validation", class_names=names)
        check_evaluated(recipe, data)
        feed = feed_class(recipe)(recipe, None, data, replicas=replicas)
        viewed, logits = over_views(recipe, model, gives_logits(model))
        metrics = build.metrics(recipe, replicas if logits else 1, data.multi_label)
        loss = loss_of(recipe, logits)
        # A model around the same layers: the caller's optimizer and metrics stay as they are.
        scored = functools.partial(_scored, recipe, logits) if data.multi_label else None
        evaluator = TrainingModel(viewed, scores=scored, **feed.step)
        evaluator.compile(loss=loss, weighted_metrics=[*metrics], jit_compile=jit_compile(recipe))
        evaluator.build_losses_and_metrics()
        with feed.evaluation() as batches:
            shown = verbose if devices.is_writer() else 0
            result = evaluator.evaluate(batches, verbose=shown, return_dict=True)
    feed.warn()
    if data.multi_label:
        return result
    return {
        **({"loss": float(result["loss"])} if logits else {}),
        **{metric.name: float(metric.result()) for metric in metrics},
        "images": int(metrics[0].count.numpy()),
    }


def _scored(
    recipe: BaseRecipe, logits: bool, targets: np.ndarray, outputs: np.ndarray
) -> dict[str, float]:
    return {**scores(recipe, targets, outputs, logits=logits), "images": len(targets)}


def predict(
    recipe: BaseRecipe,
    model: keras.Model,
    paths: Sequence[str | Path],
    *,
    top: int | None,
    class_names: Sequence[str] | None,
    batch_size: int,
    exif_rotate: bool,
    explain: bool,
) -> Iterator[predictions.Prediction]:
    """Predicts as `Recipe.predict` says."""
    check_input(model)
    recipe = as_tested(recipe, model)
    return predictions.predict(
        model,
        paths,
        center_crop(recipe),
        activation=recipe.loss.activation if gives_logits(model) else None,
        top=top,
        class_names=class_names,
        batch_size=batch_size,
        exif_rotate=exif_rotate,
        explain=explain,
    )


def checked(recipe: BaseRecipe, model: keras.Model) -> BaseRecipe:
    """Returns the recipe with which a model is evaluated: its classes, the crop of its published weights.

    Raises:
        ValueError: If the model cannot be evaluated, or has other classes than the recipe.
    """
    check_input(model)
    check_plain("model", model)
    classes = model.output_shape[-1]
    if recipe.classes not in (None, classes):
        raise ValueError(
            f"`model` must have {recipe.classes} outputs, as `classes` says. Received: {classes} outputs"
        )
    return as_tested(recipe.replace(classes=classes), model)


def loss_of(
    recipe: BaseRecipe, logits: bool, reduction: str | None = "sum_over_batch_size"
) -> keras.losses.Loss:
    """Returns the recipe's loss for logits, and the cross-entropy for probabilities."""
    if logits:
        return build.loss(recipe, reduction)
    return keras.losses.CategoricalCrossentropy(reduction=reduction)


def jit_compile(recipe: BaseRecipe) -> str | bool:
    """Returns Keras' argument: XLA would compile again for every new size of an image."""
    sizes = recipe.test.views == "multi_scale" and keras.backend.backend() == "tensorflow"
    return False if sizes else "auto"


def as_tested(recipe: BaseRecipe, model: keras.Model) -> BaseRecipe:
    """Returns the recipe with the crop ratio and interpolation of the test of a model's published weights.

    The test size stays, and so do values that were changed in the recipe.
    """
    published = getattr(model, "published", None)
    if published is None:
        return recipe
    evaluation = published.evaluation(recipe.test.size)
    tested = {
        "test_crop_ratio": evaluation.crop_ratio,
        "test_interpolation": published.interpolation,
    }
    own = type(recipe)()
    changes = {
        name: value
        for name, value in tested.items()
        if getattr(recipe, name) == getattr(own, name) != value
    }
    if changes:
        values = ", ".join(f"`{name}`: {value}" for name, value in changes.items())
        print(f"{values}, as {published.repository} is tested at {evaluation.size}.")
    return recipe.replace(**changes)


def over_views(recipe: BaseRecipe, model: keras.Model, logits: bool) -> tuple[keras.Model, bool]:
    """Returns the model that averages over the recipe's test views, and whether its outputs are logits.

    Ten crops and several sizes average probabilities, as He et al. did. Mirrored and shifted images average
    the model's outputs, as Page and Jordan did.
    """
    test = recipe.test
    if test.views == "one":
        return model, logits
    if test.views in ("mirrored", "shifted"):
        mirrored = test.views == "mirrored"
        average = averaged_views.mirror_averaged if mirrored else averaged_views.shift_averaged
        return average(model), logits
    activation = recipe.loss.activation if logits else None
    if test.views == "ten_crop":
        return averaged_views.view_averaged(model, 10, test.size, activation), False
    sides = len(shorter_sides(recipe))
    return averaged_views.multi_scale_averaged(
        model, sides, mirrored=True, activation=activation
    ), False


def check_views(recipe: BaseRecipe, model: keras.Model, replicas: int) -> None:
    """Raises ValueError unless a model can be tested with the recipe's views."""
    if recipe.test.views != "multi_scale":
        check_size(model, "test_size", recipe.test.size)
        return
    if replicas > 1:
        raise ValueError(
            "`test_views` must not be 'multi_scale' for a model on several devices: images of different sizes "
            f"are evaluated one at a time. Received: a model on {replicas} devices"
        )
    height, width = model.input_shape[1:3]
    if (height, width) != (None, None):
        raise ValueError(
            "`test_views` must not be 'multi_scale' for a model with a fixed input size. "
            f"Received: a model for {height} x {width} pixels"
        )
