"""Predictions of a trained model for a whole data set, and the images that it predicts worst."""

import dataclasses
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.applications.outputs import gives_logits, probabilities
from keras_resnet_recipes.data import ImageDataset, ImageStream, from_source
from keras_resnet_recipes.data.decode import opened
from keras_resnet_recipes.evaluation import accuracy
from keras_resnet_recipes.evaluation.class_maps import thumbnail
from keras_resnet_recipes.evaluation.examination import Examination, Verdict
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import build
from keras_resnet_recipes.training.feeds import feed_class

# Pixels on the longer side of the image of a verdict.
_ORIGINAL = 320


def examine(
    recipe: BaseRecipe, model: keras.Model, dataset: Any, *, worst: int = 0, verbose: int = 0
) -> Examination:
    """Predicts every image of a data set once, preprocessed and with the test views as in `Recipe.evaluate`.

    Args:
        recipe: The recipe.
        model: As for `Recipe.evaluate`.
        dataset: As for `Recipe.fit`.
        worst: Number of images with the largest losses to keep.
        verbose: 1 shows a progress bar, 0 nothing.

    Returns:
        The accuracy, figures per class, the confusion matrix and the calibration.

    Raises:
        ValueError: If the data is invalid or its classes differ from the model's.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
        >>> data = np.zeros((4, 32, 32, 3), "uint8"), np.array([0, 1, 0, 0])
        >>> found = examine(krr.A3(test_size=32), model, data, worst=3)
        >>> found.confusion.sum(axis=1).tolist(), len(found.worst)
        ([3, 1], 3)
    """
    recipe = accuracy.checked(recipe, model)
    names = getattr(model, "class_names", None)
    data = from_source(dataset, split="validation", class_names=names)
    if data.multi_label:
        raise ValueError(
            "`dataset` must have one label per image for a confusion matrix. "
            f"Received: {data.name}, whose images have several. `evaluate` has their metrics."
        )
    names = data.class_names or names or [*map(str, range(recipe.classes))]
    batches: list[_Batch] = []
    found: list[tuple[int, Verdict]] = []
    seen = 0
    with devices.scope_of(model) as replicas:
        accuracy.check_views(recipe, model, replicas)
        feed = feed_class(recipe)(recipe, None, data, replicas=replicas)
        network = _Network(recipe, model)
        bar = keras.utils.Progbar(data.size, verbose=verbose, unit_name="image")
        for images, targets in feed.examined():
            batches.append(network.predicted(images, targets))
            found = _worst(found, images, batches[-1], seen, worst)
            seen += len(targets)
            bar.update(seen)
    feed.warn()
    indices = feed.indices({position for position, _ in found})
    labels, predicted, chances, losses = map(np.concatenate, zip(*batches, strict=True))
    return Examination(
        dataset=data.name,
        class_names=tuple(names),
        activation=network.activation,
        labels=labels,
        predicted=predicted,
        probabilities=chances,
        scores=network.scores(losses),
        worst=tuple(_located(one, data, indices[position]) for position, one in found),
    )


def _located(verdict: Verdict, data: ImageDataset | ImageStream, index: int) -> Verdict:
    """Returns a verdict with the name of its image, and the whole image if it can be read again."""
    original = None
    if isinstance(data, ImageDataset):
        image, _ = data.read(index)
        with opened(image, data.max_pixels) as one:
            original = thumbnail(one.packed(), _ORIGINAL)
    return dataclasses.replace(verdict, name=data.describe(index), original=original)


class _Batch(NamedTuple):
    """Predictions of a batch: label, predicted class, its probability, and loss of every image."""

    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray


class _Network:
    """A model with the test views of a recipe, its loss and metrics.

    Attributes:
        activation: Activation after the model that makes its outputs probabilities, or None.
    """

    def __init__(self, recipe: BaseRecipe, model: keras.Model) -> None:
        logits = gives_logits(model)
        self.activation = recipe.loss.activation if logits else None
        self._model, self._has_logits = accuracy.over_views(recipe, model, logits)
        if self._model is not model:
            self._model.compile(jit_compile=accuracy.jit_compile(recipe))
        self._loss = accuracy.loss_of(recipe, self._has_logits, reduction=None)
        self._metrics = build.metrics(recipe)

    def predicted(self, images: Any, targets: np.ndarray) -> _Batch:
        """Predicts a batch."""
        outputs = np.asarray(self._model.predict_on_batch(images), np.float32)
        for metric in self._metrics:
            metric.update_state(targets, outputs)
        losses = keras.ops.convert_to_numpy(self._loss(targets, outputs))
        chances = probabilities(outputs, self.activation if self._has_logits else None)
        chosen = outputs.argmax(1)
        return _Batch(targets.argmax(1), chosen, chances[np.arange(len(chosen)), chosen], losses)

    def scores(self, losses: np.ndarray) -> dict[str, float]:
        """Returns what `Recipe.evaluate` returns, after all batches: the loss is one of logits."""
        loss = {"loss": float(losses.mean(dtype="float64"))} if self._has_logits else {}
        found = {metric.name: float(metric.result()) for metric in self._metrics}
        return {**loss, **found, "images": len(losses)}


def _worst(
    found: list[tuple[int, Verdict]], images: Any, batch: _Batch, begin: int, count: int
) -> list[tuple[int, Verdict]]:
    """Returns positions and verdicts of the largest losses, given those so far and a batch from position `begin`."""
    views = keras.tree.flatten(images)[0]
    candidates = [
        (
            begin + row,
            Verdict(
                # A view of the array would keep the whole batch in memory.
                views[row].copy(),
                None,
                "",
                int(batch.labels[row]),
                int(batch.predicted[row]),
                float(batch.probabilities[row]),
                float(batch.losses[row]),
            ),
        )
        for row in np.argsort(-batch.losses, kind="stable")[:count]
    ]
    return sorted([*found, *candidates], key=lambda pair: -pair[1].loss)[:count]
