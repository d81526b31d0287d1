"""Knowledge distillation: a loss of labels and teacher logits."""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class DistillationLoss(keras.losses.Loss):
    """Cross-entropy with the labels plus cross-entropy with the predictions of a teacher.

    With logits z of the student and r of the teacher, temperature T, and H(p, z) the cross-entropy
    -sum p log softmax(z) over the classes, the loss of an image is

        hard_weight H(label, z) + soft_weight T² H(softmax(r / T), z / T)

    T² keeps the gradient of the second term about as large as at T = 1. Two sets of weights have been
    published: 0.5 and 0.5, the default of GluonCV's code, and 1 and 1, recalled from the paper "Bag of
    Tricks" (UNVERIFIED: its text was not available); the second is twice the first. No gradient is
    propagated to the teacher.

    Keras has no such loss. `keras.losses.KLDivergence` of the softened classes differs from the
    second term by the teacher's entropy, which has no gradient.

    It is called with a pair instead of the labels, `loss((labels, teacher_logits), student_logits)`. It
    is computed in `dtype`, by default `keras.config.floatx()` (float32), also in mixed precision.

    Args:
        temperature: T, greater than 0.
        hard_weight: Weight of the cross-entropy with the labels, at least 0.
        soft_weight: Weight of the cross-entropy with the teacher, at least 0.
        reduction: As in `keras.losses.Loss`.
        name: Name of the loss.
        dtype: The dtype of the computation; None means `keras.config.floatx()`.

    Raises:
        ValueError: If a number is out of range, or, when called, if the shapes do not match.

    Example:
        >>> import numpy as np
        >>> loss = DistillationLoss(temperature=2.0)
        >>> student = np.array([[2.0, 0.0]], "float32")
        >>> teacher = np.array([[4.0, 0.0]], "float32")
        >>> print(round(float(loss((np.array([0]), teacher), student)), 4))
        0.9284

    References:
        Hinton et al., "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531); He et al.,
        "Bag of Tricks" (arXiv:1812.01187), section 5.3; `DistillationSoftmaxCrossEntropyLoss` of
        dmlc/gluon-cv.
    """

    def __init__(
        self,
        temperature: float = 20.0,
        hard_weight: float = 0.5,
        soft_weight: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "distillation",
        dtype: str | keras.DTypePolicy | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not 0 < temperature < math.inf:
            raise ValueError(
                f"`temperature` must be positive. Received: temperature={temperature!r}"
            )
        for argument, value in {"hard_weight": hard_weight, "soft_weight": soft_weight}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"`{argument}` must be 0 or more. Received: {argument}={value!r}")
        self.temperature = temperature
        self.hard_weight = hard_weight
        self.soft_weight = soft_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each image, shape (n,).

        Args:
            y_true: A pair of integer labels (n,) or (n, 1), or dense targets (n, C), and the teacher's
                logits (n, C).
            y_pred: The student's logits (n, C).
        """
        labels, teacher = y_true
        targets = _dense(labels, y_pred, teacher)
        soft = ops.stop_gradient(ops.softmax(teacher / self.temperature, axis=-1))
        hard_losses = -ops.sum(targets * ops.log_softmax(y_pred, axis=-1), axis=-1)
        scaled = ops.log_softmax(y_pred / self.temperature, axis=-1)
        soft_losses = -ops.sum(soft * scaled, axis=-1)
        return self.hard_weight * hard_losses + self.soft_weight * self.temperature**2 * soft_losses

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "hard_weight": self.hard_weight,
            "soft_weight": self.soft_weight,
            "dtype": self.dtype,
        }


def _dense(labels: Any, student: Any, teacher: Any) -> Any:
    shapes = tuple(labels.shape), tuple(student.shape), tuple(teacher.shape)
    if len(shapes[1]) != 2 or shapes[2][1:] != shapes[1][1:]:
        raise ValueError(
            "student and teacher must have logits of shape (n, C). "
            f"Received: student {shapes[1]}, teacher {shapes[2]}"
        )
    if len(shapes[0]) == 2 and shapes[0][1] == shapes[1][1]:
        return labels
    if len(shapes[0]) not in (1, 2) or shapes[0][1:] not in ((), (1,)):
        raise ValueError(
            "labels must be integers of shape (n,) or (n, 1), or dense targets of shape (n, C). "
            f"Received: labels of shape {shapes[0]}, logits of shape {shapes[1]}"
        )
    integers = ops.cast(ops.reshape(labels, (-1,)), "int32")
    return ops.one_hot(integers, shapes[1][1], dtype=student.dtype)
