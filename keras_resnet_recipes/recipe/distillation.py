"""Distillation as a value."""

from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Distillation(Part):
    """A teacher whose logits the network learns from beside the labels: `fit(teacher=model)`.

    The loss is `label_weight` times that of the labels plus `weight` times the cross-entropy with the
    teacher's classes at `temperature`, see `krr.losses.DistillationLoss`.

    Args:
        teacher: Network of the published procedure; None names none. Any teacher can be given.
        label_weight: Weight of the loss of the labels, at least 0.
        weight: Weight of the teacher's part, at least 0.
        temperature: What both networks' logits are divided by there, above 0.
    """

    prefix: ClassVar[str] = "distillation"

    teacher: str | None = number(
        None, "network that the published procedure learned from", none="any", flat="teacher"
    )
    label_weight: float = number(0.5, "weight of the labels' loss", minimum=0, flat="label_weight")
    weight: float = number(0.5, "weight of the cross-entropy with the teacher", minimum=0)
    temperature: float = number(20.0, "what both networks' logits are divided by for it", above=0)
