"""Confusion matrix of a trained model, and the images it predicts worst."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import build
from keras_resnet_recipes.training.feeds import feed_class


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Prediction of a model for one image.

    Args:
        image: The image as the network sees it, uint8 [size, size, 3].
        name: Its name in the data set.
        label: Its class.
        predicted: The class with the largest logit.
        probability: Probability of that class, by the activation of the recipe's loss.
        loss: The recipe's loss of the image.
    """

    image: np.ndarray
    name: str
    label: int
    predicted: int
    probability: float
    loss: float


@dataclasses.dataclass(frozen=True)
class Examination:
    """Predictions of a model for a data set.

    Args:
        dataset: Name of the data set.
        confusion: int64 [classes, classes]: number of images by class (row) and predicted class (column).
        worst: The images with the largest losses, the largest first.
    """

    dataset: str
    confusion: np.ndarray
    worst: tuple[Verdict, ...]

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float:
        """Top-1 accuracy, 0 to 1."""
        return float(np.trace(self.confusion) / max(self.images, 1))


def examine(
    recipe: BaseRecipe, model: keras.Model, dataset: Any, *, worst: int = 24
) -> Examination:
    """Predicts every image of a data set, preprocessed as in `Recipe.evaluate`.

    Args:
        recipe: The recipe, its `classes` known.
        model: A Keras model with logits as output.
        dataset: As for `Recipe.fit`.
        worst: Number of images to keep.

    Raises:
        ValueError: If the data cannot be used.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
        >>> data = np.zeros((4, 32, 32, 3), "uint8"), np.arange(4) % 2
        >>> examine(krr.A3(classes=2, test_size=32), model, data, worst=3).images
        4
    """
    names = getattr(model, "class_names", None)
    data = from_source(dataset, split="validation", class_names=names)
    if data.multi_label:
        raise ValueError(
            "`dataset` must have one label per image for a confusion matrix. "
            f"Received: {data.name}, whose images have several. `evaluate` has their metrics."
        )
    feed = feed_class(recipe)(recipe.replace(test_views="one"), None, data)
    confusion = np.zeros((recipe.classes, recipe.classes), np.int64)
    found: list[tuple[int, Verdict]] = []
    for index, verdict in enumerate(_verdicts(recipe, model, feed.examined())):
        confusion[verdict.label, verdict.predicted] += 1
        if len(found) < worst or verdict.loss > found[-1][1].loss:
            # A view would keep its whole batch in memory.
            verdict = dataclasses.replace(verdict, image=verdict.image.copy())
            found.append((index, verdict))
            found = sorted(found, key=lambda pair: -pair[1].loss)[:worst]
    feed.warn()
    names = feed.names({index for index, _ in found})
    kept = tuple(dataclasses.replace(verdict, name=names[index]) for index, verdict in found)
    return Examination(data.name, confusion, kept)


def _verdicts(
    recipe: BaseRecipe, model: keras.Model, batches: Iterator[tuple[np.ndarray, np.ndarray]]
) -> Iterator[Verdict]:
    loss = build.loss(recipe, reduction=None)
    activation = keras.activations.get(recipe.loss.activation)
    for images, targets in batches:
        logits = np.asarray(model.predict_on_batch(images), np.float32)
        losses = keras.ops.convert_to_numpy(loss(targets, logits))
        probabilities = keras.ops.convert_to_numpy(activation(keras.ops.convert_to_tensor(logits)))
        rows = zip(images, targets.argmax(1), logits.argmax(1), probabilities, losses, strict=True)
        for image, label, predicted, row, value in rows:
            yield Verdict(
                image, "", int(label), int(predicted), float(row[predicted]), float(value)
            )
