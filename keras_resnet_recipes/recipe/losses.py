"""Losses as values, on logits."""

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    import keras


class Loss(Part, abstract=True):
    """Base class of the losses of a recipe.

    Args:
        label_smoothing: Weight spread evenly over the classes, 0 to 1; the targets hold it already.
    """

    prefix: ClassVar[str] = ""

    activation: ClassVar[str] = "softmax"
    """What makes probabilities of logits that are trained with this loss."""

    label_smoothing: float = number(
        0.0, "weight spread evenly over the classes", minimum=0, maximum=1, off=0.0
    )

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """The Keras loss, of targets and logits."""
        raise NotImplementedError


class CategoricalCrossentropy(Loss):
    """Cross-entropy with the softmax of the logits."""

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """`keras.losses.CategoricalCrossentropy` on logits."""
        losses = importlib.import_module("keras.losses")
        return losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)


class BinaryCrossentropy(Loss):
    """Cross-entropy with a sigmoid per class: `krr.losses.BinaryCrossentropy`.

    Args:
        label_smoothing: As in `CategoricalCrossentropy`.
        target_threshold: A class is present above this target, 0 to 1; None keeps soft targets.
    """

    activation: ClassVar[str] = "sigmoid"

    target_threshold: float | None = number(
        None,
        "a class is present above this target",
        minimum=0,
        maximum=1,
        none="soft targets",
        off=None,
    )

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """`krr.losses.BinaryCrossentropy`."""
        losses: Any = importlib.import_module("keras_resnet_recipes.losses")
        return losses.BinaryCrossentropy(
            target_threshold=self.target_threshold, reduction=reduction
        )
