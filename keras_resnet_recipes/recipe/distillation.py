"""The distillation part of a recipe."""

from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Distillation(Part):
    """Distillation from the logits of a teacher, given as `fit(teacher=model)`.

    The loss is `label_weight` times the loss of the labels plus `weight` times the cross-entropy with the
    teacher's probabilities at `temperature`, see `krr.losses.DistillationLoss`.

    Args:
        teacher: Name of the published teacher network, or None. For information only; `fit` accepts any teacher.
        label_weight: Weight of the loss of the labels, at least 0.
        weight: Weight of the cross-entropy with the teacher, at least 0.
        temperature: Divisor of both networks' logits in that cross-entropy, above 0.
    """

    prefix: ClassVar[str] = "distillation"

    teacher: str | None = number(
        None, "teacher network of the published procedure", none="any", flat="teacher"
    )
    label_weight: float = number(
        0.5, "weight of the loss of the labels", minimum=0, flat="label_weight"
    )
    weight: float = number(0.5, "weight of the cross-entropy with the teacher", minimum=0)
    temperature: float = number(20.0, "divisor of the logits of both networks", above=0)
