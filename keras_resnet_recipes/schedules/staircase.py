"""Learning rates that fall in steps."""

import itertools
from typing import Any, ClassVar

from keras_resnet_recipes.number import UNPUBLISHED, number
from keras_resnet_recipes.schedules.schedule import Schedule


class _Staircase(Schedule, abstract=True):
    """Base class of step-decay schedules with a linear warm-up cut out of them."""

    prefix: ClassVar[str] = ""

    def steps_before(self, epoch: float) -> int:
        """How often the rate has fallen when an epoch begins."""
        raise NotImplementedError

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch, counted from 0; `lr` has no effect."""
        if epoch < self.warmup_epochs:
            start, last = self.warmup_learning_rate, self._last_of_warmup(1)
            return start + epoch * (self.learning_rate - start) / last
        return self.learning_rate * self.factor ** self.steps_before(epoch)

    def rate_at(self, step: Any, steps_per_epoch: int) -> Any:
        """The float32 rate of update `step` = 0, 1, …, in operations of the backend."""
        from keras import ops

        step = ops.cast(step, "int32")
        fallen = ops.cast(self._fallen_at(step, steps_per_epoch), "float32")
        rate = self.learning_rate * ops.power(ops.cast(self.factor, "float32"), fallen)
        if not self.warmup_epochs:
            return rate
        start, last = self.warmup_learning_rate, self._last_of_warmup(steps_per_epoch)
        warmup = start + (self.learning_rate - start) * (ops.cast(step, "float32") / last)
        return ops.where(step < round(self.warmup_epochs * steps_per_epoch), warmup, rate)

    def _last_of_warmup(self, steps_per_epoch: int) -> int:
        length = round(self.warmup_epochs * steps_per_epoch)
        return max(length - getattr(self, "reach_ends", False), 1)


class Step(_Staircase):
    """A rate that is multiplied by a factor at given epochs, after a linear warm-up.

    With peak b, warm-up start s and w warm-up epochs, epoch e = 0, 1, … has

        s + e (b - s) / w                               for e < w
        b factor^(number of boundaries at or before e)  after

    `keras.optimizers.schedules.PiecewiseConstantDecay` differs: it is by updates only, lists the
    rates, changes after a boundary instead of at it, and has no warm-up.

    Args:
        learning_rate: The rate until the first boundary, at least 0.
        boundaries: Epochs at which it falls, rising; parts of an epoch count for `per_update` only.
        factor: What it is multiplied by, in 0 < f <= 1.
        warmup_epochs: Epochs of the warm-up, at least 0.
        warmup_learning_rate: The rate of epoch 0, at least 0; without warm-up it has no effect.
        reach_ends: Whether the last epoch (or update) of the warm-up has the peak, as in GluonCV.

    Raises:
        ValueError: If a number is outside its range, or the boundaries do not rise.

    Example:
        >>> schedule = Step(0.1, boundaries=(30, 60, 90))
        >>> [round(schedule(epoch), 6) for epoch in (0, 29, 30, 60, 90)]
        [0.1, 0.1, 0.01, 0.001, 0.0001]
        >>> updates = Step(0.1, boundaries=(32_000, 48_000)).per_update(1)  # by updates
        >>> print(round(float(updates(32_000)), 6))
        0.01

    Source: He et al., "Deep Residual Learning for Image Recognition" (arXiv 1512.03385), section
    4.2, and "Bag of Tricks" (arXiv 1812.01187); `LRScheduler` of dmlc/gluon-cv.
    """

    boundaries: tuple[float, ...] = number(
        (), "epochs that begin with a lower rate", minimum=0, flat="step_epochs"
    )
    factor: float = number(
        0.1, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    warmup_epochs: int = number(0, "epochs of linear warm-up, part of `epochs`", minimum=0, off=0)
    warmup_learning_rate: float = number(0.0, "rate of the first warm-up epoch", minimum=0)
    reach_ends: bool = number(False, "the warm-up's last epoch or update has the peak")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.boundaries is UNPUBLISHED:
            return
        if any(a >= b for a, b in itertools.pairwise((0, *self.boundaries))):
            raise ValueError(
                f"`boundaries` must be above 0 and rise. Received: boundaries={self.boundaries!r}"
            )

    def steps_before(self, epoch: float) -> int:
        """How many boundaries are at or before an epoch."""
        return sum(epoch >= boundary for boundary in self.boundaries)

    def _fallen_at(self, step: Any, steps_per_epoch: int) -> Any:
        from keras import ops

        fallen = ops.zeros_like(step)
        for boundary in self.boundaries:
            fallen = fallen + ops.cast(step >= round(boundary * steps_per_epoch), "int32")
        return fallen


class Exponential(_Staircase):
    """A rate that is multiplied by a factor every so many epochs, after a linear warm-up.

    With peak b, warm-up start s and w warm-up epochs, epoch e = 0, 1, … has

        s + e (b - s) / w                    for e < w
        b factor^floor(e / every_epochs)     after

    The warm-up is cut out: after it the rate has fallen floor(w / every_epochs) times already.
    `keras.optimizers.schedules.ExponentialDecay(staircase=True)` has no warm-up and goes by updates
    only.

    Args:
        learning_rate: The peak b, at least 0.
        every_epochs: Epochs of a stair, above 0; for `per_update` rounded to whole updates.
        factor: What the rate is multiplied by after each stair, in 0 < f <= 1.
        warmup_epochs: w, at least 0.
        warmup_learning_rate: s, the rate of epoch 0, at least 0; without warm-up it has no effect.

    Raises:
        ValueError: If a number is outside its range.

    Example:
        >>> schedule = Exponential(0.05, every_epochs=2.4, factor=0.97, warmup_epochs=3)
        >>> [round(schedule(epoch), 6) for epoch in (0, 1, 3, 5)]
        [1e-06, 0.016667, 0.0485, 0.047045]

    Source: `StepLRScheduler` of timm (huggingface/pytorch-image-models), as its EfficientNet
    recipes and procedure B use it.
    """

    every_epochs: float = number(1.0, "epochs from step to step", above=0)
    factor: float = number(
        0.97, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    warmup_epochs: int = number(0, "epochs of linear warm-up, part of `epochs`", minimum=0, off=0)
    warmup_learning_rate: float = number(1e-6, "rate of the first warm-up epoch", minimum=0)

    def steps_before(self, epoch: float) -> int:
        """How many stairs are behind when an epoch begins."""
        return int(epoch // self.every_epochs)

    def _fallen_at(self, step: Any, steps_per_epoch: int) -> Any:
        from keras import ops

        return ops.floor_divide(step, max(round(self.every_epochs * steps_per_epoch), 1))
