"""Where a trained model is wrong."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training import parts
from keras_resnet_recipes.training.feeds import feeds


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a model makes of one picture.

    Args:
        picture: The picture as the network sees it, uint8 [size, size, 3].
        name: What its data set calls it.
        label: Its class.
        predicted: The class with the largest logit.
        probability: Of that class, as the recipe's loss makes it of the logit.
        loss: The recipe's loss of the picture alone.
    """

    picture: np.ndarray
    name: str
    label: int
    predicted: int
    probability: float
    loss: float


@dataclasses.dataclass(frozen=True)
class Examination:
    """What a model makes of a data set.

    Args:
        dataset: Name of the data set.
        confusion: int64 [classes, classes]: how many pictures of a class (row) are taken for another.
        worst: The pictures with the largest losses, the largest first.
    """

    dataset: str
    confusion: np.ndarray
    worst: tuple[Verdict, ...]

    @property
    def images(self) -> int:
        """Number of pictures."""
        return int(self.confusion.sum())

    @property
    def top1(self) -> float:
        """Share of pictures that are classified rightly."""
        return float(np.trace(self.confusion) / max(self.images, 1))


def examine(
    recipe: BaseRecipe, model: keras.Model, dataset: Any, *, worst: int = 24
) -> Examination:
    """Shows a model every picture of a data set, prepared as for `Recipe.evaluate`.

    Args:
        recipe: The recipe, its `classes` known.
        model: A Keras model with logits as output.
        dataset: As for `Recipe.fit`.
        worst: How many pictures to keep.

    Raises:
        ValueError: If the data cannot be used.

    >>> import numpy as np, keras_resnet_recipes as krr
    >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
    >>> data = np.zeros((4, 32, 32, 3), "uint8"), np.arange(4) % 2
    >>> examine(krr.A3(classes=2, test_size=32), model, data, worst=3).images
    4
    """
    names, source = getattr(model, "class_names", None), feeds(recipe)
    data = source.read(dataset, split="validation", class_names=names)
    feed = source.Feed(recipe.replace(test_views="one"), None, data)
    confusion = np.zeros((recipe.classes, recipe.classes), np.int64)
    found: list[tuple[int, Verdict]] = []
    for place, verdict in enumerate(_verdicts(recipe, model, feed.examined())):
        confusion[verdict.label, verdict.predicted] += 1
        if len(found) < worst or verdict.loss > found[-1][1].loss:
            # A view would keep its whole batch.
            verdict = dataclasses.replace(verdict, picture=verdict.picture.copy())
            found.append((place, verdict))
            found = sorted(found, key=lambda pair: -pair[1].loss)[:worst]
    feed.warn()
    names = feed.names({place for place, _ in found})
    kept = tuple(dataclasses.replace(verdict, name=names[place]) for place, verdict in found)
    return Examination(data.name, confusion, kept)


def _verdicts(
    recipe: BaseRecipe, model: keras.Model, batches: Iterator[tuple[np.ndarray, np.ndarray]]
) -> Iterator[Verdict]:
    loss = parts.loss(recipe, reduction=None)
    binary = recipe.loss.activation == "sigmoid"
    share = keras.ops.sigmoid if binary else keras.ops.softmax
    for images, targets in batches:
        logits = np.asarray(model.predict_on_batch(images), np.float32)
        losses = keras.ops.convert_to_numpy(loss(targets, logits))
        shares = keras.ops.convert_to_numpy(share(logits))
        rows = zip(images, targets.argmax(1), logits.argmax(1), shares, losses, strict=True)
        for picture, label, predicted, row, value in rows:
            yield Verdict(
                picture, "", int(label), int(predicted), float(row[predicted]), float(value)
            )
