"""The EMA of the weights as a value."""

import importlib
from typing import TYPE_CHECKING, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    from keras_resnet_recipes.averages import MovingAverage


class EMA(Part):
    """An exponential moving average of all weights, which is evaluated and saved.

    Args:
        decay: In 0..1, exclusive, for one step of the average.
        every: Updates from one step of the average to the next, at least 1.
        after_warmup: Whether the average begins after the warm-up and counts its steps anew in
            every epoch, as in torchvision.

    Example:
        >>> EMA(decay=0.9999)
        EMA(decay=0.9999)
    """

    prefix: ClassVar[str] = "ema"

    decay: float = number(help="decay of the EMA of all weights", above=0, maximum=1)
    every: int = number(1, "updates per step of the EMA", minimum=1)
    after_warmup: bool = number(
        False, "the EMA begins after the warm-up, and counts its steps anew in every epoch"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decay == 1:
            raise ValueError("`decay` must be below 1, or nothing is averaged. Received: decay=1.0")

    def build(self, steps: int, warmup_epochs: int) -> "MovingAverage":
        """The callback, for epochs of `steps` updates."""
        averages = importlib.import_module("keras_resnet_recipes.averages")
        options = {}
        if self.after_warmup:
            options = {"copy_updates": warmup_epochs * steps + 1, "steps_per_epoch": steps}
        return averages.MovingAverage(self.decay, every=self.every, **options)
