"""Binary cross-entropy on integer, mixed or thresholded targets."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class BinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy per class, on logits, averaged over images and classes.

    Classification is treated as C independent binary problems, so that a mixed image may have two
    classes. With logit x and target t of one class the loss is `softplus(x) - t * x`.

    The targets are either

    - integer labels of shape (n,) or (n, 1), in 0..C-1: with label smoothing s the correct class has
      the target 1 - s + s/C and every other class s/C; a label outside 0..C-1 is not detected, and
      gives every class the target of a wrong one; or
    - dense targets of shape (n, C) in 0..1, such as those of MixUp and CutMix. They are used unchanged:
      smoothing is part of the mixing and `label_smoothing` is ignored.

    With `target_threshold` every target greater than the threshold becomes 1 and every other 0, after
    smoothing and mixing. It is uncertain which of the two was used in "ResNet strikes back": its code had
    only soft targets until the threshold was added, eight days before the paper; copies of its commands
    for A2 and A3 set it to 0.2; the reimplementation in mmpretrain was trained on soft targets, with an
    accuracy within 0.3 points. With a threshold of 0.2 and 1000 classes, smoothing by 0.1 has no effect
    except that a mixed class becomes 1 from weight 0.2221 on instead of 0.2.

    `keras.losses.BinaryCrossentropy` differs: it takes no integer labels, it has no threshold, and
    it smooths towards 1/2 instead of 1/C, also for dense targets. The mean is over n x C numbers, so the
    gradient is about C times smaller than that of `keras.losses.CategoricalCrossentropy`; because LAMB
    and Adam add an epsilon to the gradient's magnitude, a sum over classes is not the same recipe.

    The loss is computed in `dtype`, by default `keras.config.floatx()` (float32), also in mixed
    precision, where the logits are float16.

    Args:
        from_logits: Must be True: a logarithm of the sigmoid loses the precision that the recipes need.
        label_smoothing: s above, in 0 <= s < 1; for integer labels only.
        target_threshold: In 0 <= threshold < 1, or None for soft targets.
        positive_weights: One factor per class, at least 0, of the term of its target, `softplus(-x) * t`, for images
            with several labels: torch's `pos_weight`. None means 1.
        reduction: As in `keras.losses.Loss`; it reduces the n means over classes.
        name: Name of the loss.
        dtype: The dtype of the computation; None means `keras.config.floatx()`.

    Raises:
        ValueError: If `from_logits` is not True, `label_smoothing` or `target_threshold` is out of
            range, or, when called, the shapes of targets and logits do not match.

    Example:
        >>> import numpy as np
        >>> loss = BinaryCrossentropy(target_threshold=0.2)
        >>> logits = np.array([[2.0, -1.0, 0.0]], "float32")
        >>> print(round(float(loss(np.array([0]), logits)), 4))
        0.3778
        >>> mixed = np.array([[0.7, 0.3, 0.0]], "float32")
        >>> print(round(float(loss(mixed, logits)), 4))
        0.7111

    References:
        Wightman, Touvron and Jégou, "ResNet strikes back" (arXiv:2110.00476), section 2; results equal
        those of `BinaryCrossEntropy` in timm (huggingface/pytorch-image-models).
    """

    def __init__(
        self,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        target_threshold: float | None = None,
        positive_weights: Sequence[float] | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: str | keras.DTypePolicy | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if from_logits is not True:
            raise ValueError(
                "`from_logits` must be True, because the logarithm of a sigmoid loses precision for "
                "confident predictions. Train a network without final activation and apply the sigmoid "
                f"at inference. Received: from_logits={from_logits!r}"
            )
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be in [0, 1). "
                f"Received: label_smoothing={label_smoothing!r}"
            )
        if target_threshold is not None and not 0 <= target_threshold < 1:
            raise ValueError(
                "`target_threshold` must be in [0, 1), or None for soft targets. "
                f"Received: target_threshold={target_threshold!r}"
            )
        if positive_weights is not None and not all(
            0 <= one < math.inf for one in positive_weights
        ):
            raise ValueError(
                "`positive_weights` must be numbers of at least 0, one per class, or None. "
                f"Received: positive_weights={positive_weights!r}"
            )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.target_threshold = target_threshold
        self.positive_weights = positive_weights and tuple(map(float, positive_weights))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the mean loss over the classes of each image, shape (n,).

        Args:
            y_true: Integer labels (n,) or (n, 1), or dense targets (n, C).
            y_pred: Logits (n, C).
        """
        targets = self._dense_targets(y_true, y_pred)
        if self.target_threshold is not None:
            targets = ops.cast(targets > self.target_threshold, y_pred.dtype)
        if self.positive_weights is None:
            losses = ops.binary_crossentropy(targets, y_pred, from_logits=True)
        else:
            weights = ops.convert_to_tensor(self.positive_weights, y_pred.dtype)
            positive = weights * targets * ops.softplus(-y_pred)
            losses = positive + (1 - targets) * ops.softplus(y_pred)
        return ops.mean(losses, axis=-1)

    def _dense_targets(self, y_true: Any, y_pred: Any) -> Any:
        labels, logits = tuple(y_true.shape), tuple(y_pred.shape)
        if len(logits) == 2 and len(labels) == 2 and labels[1] == logits[1]:
            return y_true
        if len(logits) != 2 or len(labels) not in (1, 2) or labels[1:] not in ((), (1,)):
            raise ValueError(
                "`y_pred` must be logits of shape (n, C), and `y_true` integer labels of shape "
                "(n,) or (n, 1) or dense targets of shape (n, C). "
                f"Received: y_true of shape {labels}, y_pred of shape {logits}"
            )
        classes = logits[1]
        integers = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        off = self.label_smoothing / classes
        one_hot = ops.one_hot(integers, classes, dtype=y_pred.dtype)
        return one_hot * (1 - self.label_smoothing) + off

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "target_threshold": self.target_threshold,
            "positive_weights": self.positive_weights,
            "dtype": self.dtype,
        }
