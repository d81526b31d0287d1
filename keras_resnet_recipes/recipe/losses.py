"""Loss parts of a recipe; all losses take logits."""

import importlib
from collections.abc import Sequence
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
        class_weights: Weights of the classes in training, one per class, at least 0: the loss of an image is multiplied
            by that of its class, and for mixed images by their mean, weighted with the targets before smoothing;
            evaluations have no weights. "balanced" is images / (classes * images of the class), as in scikit-learn,
            counted in the training data. None means equal weights.

    Raises:
        ValueError: If a number is out of range, or `class_weights` are given with a label smoothing of 1.
    """

    prefix: ClassVar[str] = ""

    activation: ClassVar[str] = "softmax"
    """Activation that turns logits trained with this loss into probabilities."""

    label_smoothing: float = number(
        0.0, "weight distributed evenly over the classes", minimum=0, maximum=1, off=0.0
    )
    class_weights: str | tuple[float, ...] | None = number(
        None,
        "weight of each class in the training loss; balanced: images / (classes * images of the class)",
        choices=("balanced",),
        minimum=0,
        none="equal",
        off=None,
        kw_only=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_weights is not None and self.label_smoothing == 1:
            raise ValueError(
                "`label_smoothing` must be less than 1 with `class_weights`: smoothed by 1, all classes have the same "
                "targets. Received: label_smoothing=1.0"
            )

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns the Keras loss of targets and logits."""
        raise NotImplementedError


class CategoricalCrossentropy(Loss):
    """Softmax cross-entropy: `keras.losses.CategoricalCrossentropy`.

    Args:
        label_smoothing: As in `Loss`.
        class_weights: As in `Loss`.
    """

    def build(self, reduction: str | None = "sum_over_batch_size") -> "keras.losses.Loss":
        """Returns `keras.losses.CategoricalCrossentropy` on logits."""
        losses = importlib.import_module("keras.losses")
        return losses.CategoricalCrossentropy(from_logits=True, reduction=reduction)


class BinaryCrossentropy(Loss):
    """Sigmoid cross-entropy per class: `krr.losses.BinaryCrossentropy`.

    Args:
        label_smoothing: As in `CategoricalCrossentropy`.
        class_weights: As in `CategoricalCrossentropy`. With several labels per image, the weights of the positive terms
            of the classes, torch's `pos_weight`: "balanced" is the number of images without the label for each image
            with it.
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

    def build(
        self,
        reduction: str | None = "sum_over_batch_size",
        positive_weights: Sequence[float] | None = None,
    ) -> "keras.losses.Loss":
        """Returns `krr.losses.BinaryCrossentropy`, with positive weights if given."""
        losses: Any = importlib.import_module("keras_resnet_recipes.losses")
        return losses.BinaryCrossentropy(
            target_threshold=self.target_threshold,
            positive_weights=positive_weights,
            reduction=reduction,
        )
