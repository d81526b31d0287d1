"""Evaluation and prediction as a recipe defines them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes import predict as predicting
from keras_resnet_recipes.inference import gives_logits
from keras_resnet_recipes.input_pipeline.evaluation import center_crop
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts, views
from keras_resnet_recipes.training.feeds import feeds
from keras_resnet_recipes.training.model import TrainingModel
from keras_resnet_recipes.training.own_model import check_input

if TYPE_CHECKING:
    from keras_resnet_recipes.predict import Prediction


def evaluate(
    recipe: BaseRecipe,
    model: keras.Model,
    dataset: Any,
    *,
    verbose: str | int = "auto",
) -> dict[str, float]:
    """Evaluates as `Recipe.evaluate` says."""
    check_input(model)
    classes = model.output_shape[-1]
    if recipe.classes not in (None, classes):
        raise ValueError(
            f"`model` must have {recipe.classes} outputs, as `classes` says; received {classes}."
        )
    recipe = parts.as_tested(recipe.replace(classes=classes), model)
    with devices.scope_of(model) as replicas:
        views.check(recipe, model, replicas)
        names = getattr(model, "class_names", None)
        source = feeds(recipe)
        data = source.read(dataset, split="validation", class_names=names)
        feed = source.Feed(recipe, None, data, replicas=replicas)
        seen, logits = views.averaged(recipe, model, gives_logits(model))
        metrics = parts.metrics(recipe, replicas if logits else 1)
        loss = parts.loss(recipe) if logits else keras.losses.CategoricalCrossentropy()
        # A model around the same layers: the caller's optimizer and metrics stay as they are.
        evaluator = TrainingModel(seen, **feed.step)
        evaluator.compile(
            loss=loss, weighted_metrics=[*metrics], jit_compile=views.jit_compile(recipe)
        )
        evaluator.build_losses_and_metrics()
        with feed.evaluation() as batches:
            shown = verbose if devices.is_writer() else 0
            result = evaluator.evaluate(batches, verbose=shown, return_dict=True)
    feed.warn()
    return {
        **({"loss": float(result["loss"])} if logits else {}),
        **{metric.name: float(metric.result()) for metric in metrics},
        "images": int(metrics[0].count.numpy()),
    }


def predict(
    recipe: BaseRecipe,
    model: keras.Model,
    paths: Sequence[str | Path],
    *,
    top: int,
    class_names: Sequence[str] | None,
    batch_size: int,
) -> "Iterator[Prediction]":
    """Predicts as `Recipe.predict` says."""
    check_input(model)
    recipe = parts.as_tested(recipe, model)
    return predicting.predict(
        model,
        paths,
        center_crop(recipe),
        activation=views.activation(recipe) if gives_logits(model) else None,
        top=top,
        class_names=class_names,
        batch_size=batch_size,
    )
