"""Loss parts of a recipe; all losses take logits."""

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    import keras


class Loss(Part, abstract=True):
    """Base class of the losses of a recipe.

    Args:
        label_smoothing: Weight distributed evenly over the classes, 0..1. It is applied to the targets, not by the
            Keras loss.
    """

    prefix: ClassVar[str] = ""

    activation: ClassVar[str] = "softmax"
    """Activation that turns logits trained with this loss into probabilities."""

    label_smoothing: float = number(
        0.0, "weight distributed evenly over the classes", minimum=0, maximum=1, off=0.0
    )

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns the Keras loss of targets and logits."""
        raise NotImplementedError


class CategoricalCrossentropy(Loss):
    """Softmax cross-entropy: `keras.losses.CategoricalCrossentropy`."""

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns `keras.losses.CategoricalCrossentropy` on logits."""
        losses = importlib.import_module("keras.losses")
        return losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)


class BinaryCrossentropy(Loss):
    """Sigmoid cross-entropy per class: `krr.losses.BinaryCrossentropy`.

    Args:
        label_smoothing: As in `CategoricalCrossentropy`.
        target_threshold: Targets above it become 1, the others 0; in 0..1. None keeps soft targets.
    """

    activation: ClassVar[str] = "sigmoid"

    target_threshold: float | None = number(
        None,
        "targets above it become 1, the others 0",
        minimum=0,
        maximum=1,
        none="soft targets",
        off=None,
    )

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns `krr.losses.BinaryCrossentropy`."""
        losses: Any = importlib.import_module("keras_resnet_recipes.losses")
        return losses.BinaryCrossentropy(
            target_threshold=self.target_threshold, reduction=reduction
        )
