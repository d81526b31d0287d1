"""Step decay of learning rates."""

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

from keras_resnet_recipes.number import UNPUBLISHED, number, shown
from keras_resnet_recipes.schedules.schedule import Schedule


class _Staircase(Schedule, abstract=True):
    """Base class of step-decay schedules whose beginning is replaced by a linear warm-up."""

    prefix: ClassVar[str] = ""

    def steps_before(self, epoch: float) -> int:
        """Returns the number of decay steps before an epoch."""
        raise NotImplementedError

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch, counted from 0; `lr` has no effect."""
        if epoch < self.warmup_epochs:
            start, last = self.warmup_learning_rate, self._last_of_warmup(1)
            return start + epoch * (self.learning_rate - start) / last
        return self.learning_rate * self.factor ** self.steps_before(epoch)

    def rate_at(self, step: Any, steps_per_epoch: float) -> Any:
        """Returns the float32 rate of update `step` = 0, 1, …, computed by the backend."""
        from keras import ops

        step = ops.cast(step, "int32")
        steps = ops.cast(self._steps_at(step, steps_per_epoch), "float32")
        rate = self.learning_rate * ops.power(ops.cast(self.factor, "float32"), steps)
        if not self.warmup_epochs:
            return rate
        start, last = self.warmup_learning_rate, self._last_of_warmup(steps_per_epoch)
        warmup = start + (self.learning_rate - start) * (ops.cast(step, "float32") / last)
        return ops.where(step < round(self.warmup_epochs * steps_per_epoch), warmup, rate)

    def _last_of_warmup(self, steps_per_epoch: float) -> int:
        length = round(self.warmup_epochs * steps_per_epoch)
        return max(length - getattr(self, "reach_ends", False), 1)


class Step(_Staircase):
    """A rate that is multiplied by a factor at given epochs, after a linear warm-up.

    With peak b, warm-up start s and w warm-up epochs, epoch e = 0, 1, … has

        s + e (b - s) / w                               for e < w
        b factor^(number of boundaries at or before e)  after

    `keras.optimizers.schedules.PiecewiseConstantDecay` differs: it depends on the update only, lists the
    rates, changes after a boundary instead of at it, and has no warm-up.

    Args:
        learning_rate: The rate until the first boundary, at least 0.
        boundaries: Epochs at which the rate is reduced, in ascending order; fractions matter for `per_update`
            only.
        factor: Factor on the rate at each boundary, in 0 < f <= 1.
        warmup_epochs: Epochs of the warm-up, at least 0.
        warmup_learning_rate: The rate of epoch 0, at least 0; unused without warm-up.
        reach_ends: Whether the last epoch (or update) of the warm-up has the peak, as in GluonCV.

    Raises:
        ValueError: If a number is out of range, or the boundaries are not in ascending order.

    Example:
        >>> schedule = Step(0.1, boundaries=(30, 60, 90))
        >>> [round(schedule(epoch), 6) for epoch in (0, 29, 30, 60, 90)]
        [0.1, 0.1, 0.01, 0.001, 0.0001]
        >>> updates = Step(0.1, boundaries=(32_000, 48_000)).per_update(1)  # by updates
        >>> print(round(float(updates(32_000)), 6))
        0.01

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 4.2,
        and "Bag of Tricks" (arXiv:1812.01187); `LRScheduler` of dmlc/gluon-cv.
    """

    boundaries: tuple[float, ...] = number(
        (), "epochs at which the rate is reduced", minimum=0, flat="step_epochs", scales=True
    )
    factor: float = number(
        0.1, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    warmup_epochs: int = number(
        0, "epochs of linear warm-up, included in `epochs`", minimum=0, off=0, scales=True
    )
    warmup_learning_rate: float = number(0.0, "rate of the first warm-up epoch", minimum=0)
    reach_ends: bool = number(False, "the last epoch or update of the warm-up has the peak")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.boundaries is UNPUBLISHED:
            return
        if any(a >= b for a, b in itertools.pairwise((0, *self.boundaries))):
            raise ValueError(
                "`boundaries` must be positive and in ascending order. "
                f"Received: boundaries={self.boundaries!r}"
            )

    def misfits(self, epochs: int) -> Iterator[str]:
        """Yields a sentence for each number that does not fit a recipe with `epochs`."""
        yield from super().misfits(epochs)
        late = [boundary for boundary in self.boundaries if boundary >= epochs]
        if late:
            are = "are" if len(late) > 1 else "is"
            yield f"`step_epochs`: {shown(tuple(late))} {are} not reached in {epochs} epochs."

    def steps_before(self, epoch: float) -> int:
        """Returns the number of boundaries at or before an epoch."""
        return sum(epoch >= boundary for boundary in self.boundaries)

    def _steps_at(self, step: Any, steps_per_epoch: float) -> Any:
        from keras import ops

        steps = ops.zeros_like(step)
        for boundary in self.boundaries:
            steps = steps + ops.cast(step >= round(boundary * steps_per_epoch), "int32")
        return steps


class Exponential(_Staircase):
    """A rate that is multiplied by a factor at a fixed interval of epochs, after a linear warm-up.

    With peak b, warm-up start s and w warm-up epochs, epoch e = 0, 1, … has

        s + e (b - s) / w                    for e < w
        b factor^floor(e / every_epochs)     after

    The warm-up replaces the beginning: after it the rate has already been reduced floor(w / every_epochs)
    times. `keras.optimizers.schedules.ExponentialDecay(staircase=True)` has no warm-up and depends on the
    update only.

    Args:
        learning_rate: The peak b, at least 0.
        every_epochs: Interval in epochs, greater than 0; for `per_update` rounded to a number of updates.
        factor: Factor on the rate after each interval, in 0 < f <= 1.
        warmup_epochs: w, at least 0.
        warmup_learning_rate: s, the rate of epoch 0, at least 0; unused without warm-up.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> schedule = Exponential(0.05, every_epochs=2.4, factor=0.97, warmup_epochs=3)
        >>> [round(schedule(epoch), 6) for epoch in (0, 1, 3, 5)]
        [1e-06, 0.016667, 0.0485, 0.047045]

    References:
        `StepLRScheduler` of timm (huggingface/pytorch-image-models), as used by its EfficientNet recipes
        and procedure B.
    """

    every_epochs: float = number(1.0, "interval of the steps, epochs", above=0, scales=True)
    factor: float = number(
        0.97, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    warmup_epochs: int = number(
        0, "epochs of linear warm-up, included in `epochs`", minimum=0, off=0, scales=True
    )
    warmup_learning_rate: float = number(1e-6, "rate of the first warm-up epoch", minimum=0)

    def misfits(self, epochs: int) -> Iterator[str]:
        """Yields a sentence for each number that does not fit a recipe with `epochs`."""
        yield from super().misfits(epochs)
        if self.every_epochs >= epochs:
            every = shown(self.every_epochs)
            yield f"`every_epochs`: the rate falls every {every} epochs, and the run has {epochs}."

    def steps_before(self, epoch: float) -> int:
        """Returns the number of completed intervals before an epoch."""
        return int(epoch // self.every_epochs)

    def _steps_at(self, step: Any, steps_per_epoch: float) -> Any:
        from keras import ops

        return ops.floor_divide(step, max(round(self.every_epochs * steps_per_epoch), 1))
