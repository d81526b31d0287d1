"""The EMA part of a recipe."""

import importlib
from typing import TYPE_CHECKING, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    from keras_resnet_recipes.averages import MovingAverage


class EMA(Part):
    """Exponential moving average (EMA) of all weights, used for evaluation and checkpoints.

    Args:
        decay: Decay per EMA step, above 0 and below 1.
        every: Updates per EMA step, at least 1.
        after_warmup: Whether the EMA starts after the warm-up and restarts the count of `every` in each
            epoch, as in torchvision.

    Example:
        >>> EMA(decay=0.9999)
        EMA(decay=0.9999)
    """

    prefix: ClassVar[str] = "ema"

    decay: float = number(help="decay of the EMA per step", above=0, maximum=1)
    every: int = number(1, "updates per EMA step", minimum=1)
    after_warmup: bool = number(
        False, "EMA starts after the warm-up; the count of updates restarts every epoch"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay == 1:
            raise ValueError("`decay` must be below 1. Received: decay=1.0")

    def build(self, steps: int, warmup_epochs: int) -> "MovingAverage":
        """Returns the object that computes the EMA, for epochs of `steps` updates."""
        averages = importlib.import_module("keras_resnet_recipes.averages")
        options = {}
        if self.after_warmup:
            options = {"copy_updates": warmup_epochs * steps + 1, "steps_per_epoch": steps}
        return averages.MovingAverage(self.decay, every=self.every, **options)
