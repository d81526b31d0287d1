"""Class weights: the loss of training, if the recipe weights the classes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnet_recipes.data import ImageDataset, ImageStream
from keras_resnet_recipes.recipe import BaseRecipe


class WeightedLoss(keras.losses.Loss):
    """Multiplies the loss of each image by the weight of its class, or of its mixed classes.

    The weight of an image with targets y is the sum of y_c w_c over the classes c, y before label smoothing. For
    integer labels that is the `class_weight` of Keras' `fit`. The mean over a batch is not divided by the sum of the
    weights, as it is in torch's `cross_entropy(weight=...)`.

    Args:
        loss: Loss of targets [n, classes], in each row of which the sum is 1, and logits [n, classes].
        weights: Weights w, one per class, at least 0.
        label_smoothing: Smoothing in the targets, from 0 to less than 1.

    Example:
        >>> loss = WeightedLoss(keras.losses.CategoricalCrossentropy(from_logits=True), [1.0, 3.0])
        >>> print(round(float(loss(np.eye(2), np.zeros((2, 2)))), 4))
        1.3863
    """

    def __init__(
        self, loss: keras.losses.Loss, weights: Sequence[float], label_smoothing: float = 0.0
    ) -> None:
        super().__init__(name=loss.name)
        # Smoothed targets are (1 - s) y + s / classes. These weights make of them what `weights` make of y.
        weights = np.asarray(weights, np.float64)
        unsmoothed = (weights - label_smoothing * weights.mean()) / (1 - label_smoothing)
        self._loss, self._weights = loss, unsmoothed.astype(np.float32)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the weighted loss of each image, shape (n,)."""
        weights = ops.convert_to_tensor(self._weights, y_true.dtype)
        return self._loss.call(y_true, y_pred) * ops.sum(y_true * weights, axis=-1)


def training_loss(recipe: BaseRecipe, data: ImageDataset | ImageStream) -> keras.losses.Loss | None:
    """Returns the loss of training, or None if it is the recipe's, which evaluations use.

    Args:
        recipe: The recipe, its `classes` known.
        data: Training data, in which images are counted for "balanced" weights.

    Raises:
        ValueError: If there is not one weight per class, or a class has no image to count.
    """
    weights, loss = recipe.loss.class_weights, recipe.loss
    if weights is None:
        return None
    if weights == "balanced":
        weights = _balanced(recipe.classes, data)
    elif len(weights) != recipe.classes:
        raise ValueError(
            f"`class_weights` must be {recipe.classes} numbers, one per class, or 'balanced'. "
            f"Received: {len(weights)} numbers, class_weights={weights}"
        )
    if data.multi_label:
        return loss.build(positive_weights=tuple(weights))
    return WeightedLoss(loss.build(), weights, loss.label_smoothing)


def _balanced(classes: int, data: ImageDataset | ImageStream) -> np.ndarray:
    """Returns the weight of each class, which grows as it has fewer images."""
    if getattr(data, "endless", False):
        raise ValueError(
            "`class_weights` must be numbers for endless data, whose images cannot be counted. "
            f"Received: class_weights='balanced' for {data.name}"
        )
    labels = data.all_labels
    if data.multi_label:
        counts = np.zeros(classes, np.int64)
        counts[: labels.shape[1]] = labels.sum(axis=0, dtype=np.int64)
    else:
        counts = np.bincount(labels[labels >= 0], minlength=classes)
    if not counts.all():
        empty = int(counts.argmin())
        name = empty if data.class_names is None else repr(data.class_names[empty])
        raise ValueError(
            f"`class_weights` must be numbers for {data.name}, which has no image of class {name}. "
            "Received: class_weights='balanced'"
        )
    if data.multi_label:
        return (len(labels) - counts) / counts
    return counts.sum() / (classes * counts)
