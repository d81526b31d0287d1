"""Piecewise linear learning rates."""

import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

from keras_resnet_recipes.number import number, shown
from keras_resnet_recipes.schedules.schedule import Schedule


class PiecewiseLinear(Schedule):
    """Linear interpolation between knots, constant before the first and after the last.

    `keras.optimizers.schedules.PiecewiseConstantDecay` has steps; Keras has no linear interpolation.

    Args:
        learning_rate: Factor on the rates of the knots; None means 1.
        knots: Pairs of epoch and rate, in ascending order of epochs; at least one.
        count_from: Number of the first update, 0 or 1, for `per_update`. Page's loop counts updates from
            1, so that the rate of the first one already differs from that of the first knot.

    Raises:
        ValueError: If the epochs are not in ascending order, or a number is out of range.

    Example:
        >>> schedule = PiecewiseLinear(knots=((0, 0.0), (5, 0.4), (24, 0.0)))
        >>> [round(schedule(epoch), 3) for epoch in (0, 2.5, 5, 14.5, 24)]
        [0.0, 0.2, 0.4, 0.2, 0.0]
        >>> updates = schedule.per_update(97)
        >>> print(round(float(updates(97)), 6))
        0.08

    References:
        davidcpage/cifar10-fast, `PiecewiseLinear` and dawn.py.
    """

    prefix: ClassVar[str] = ""

    knots: tuple[tuple[float, float], ...] = number(
        help="epochs of the knots, with the fraction of the peak rate there",
        kw_only=True,
        scales=True,
    )
    count_from: int = number(0, "number of the first update, 0 or 1", minimum=0, maximum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        epochs = [epoch for epoch, _ in self.knots]
        if not epochs or any(a >= b for a, b in itertools.pairwise(epochs)):
            raise ValueError(
                "`knots` must be pairs of epoch and rate, in ascending order of epochs. "
                f"Received: knots={self.knots!r}"
            )
        if not all(0 <= rate < float("inf") for _, rate in self.knots):
            raise ValueError(f"rates of `knots` must be 0 or more. Received: knots={self.knots!r}")

    def misfits(self, epochs: int) -> Iterator[str]:
        """Yields a sentence if the knots do not fit a recipe with `epochs`."""
        last = self.knots[-1][0]
        if last > epochs:
            yield f"`knots`: the last is at epoch {shown(last)}, and the run has {epochs} epochs."
        elif last < epochs:
            yield f"`knots`: the rate is constant from epoch {shown(last)} to {epochs}."

    @property
    def _knots_and_rates(self) -> list[tuple[float, float]]:
        """Epochs and learning rates of the knots."""
        peak = 1.0 if self.learning_rate is None else self.learning_rate
        return [(epoch, factor * peak) for epoch, factor in self.knots]

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch, counted from 0; `lr` has no effect."""
        before, *others = self._knots_and_rates
        if epoch <= before[0]:
            return before[1]
        for after in others:
            if epoch < after[0]:
                fraction = (epoch - before[0]) / (after[0] - before[0])
                return before[1] + fraction * (after[1] - before[1])
            before = after
        return before[1]

    def rate_at(self, step: Any, steps_per_epoch: float) -> Any:
        """Returns the float32 rate of update `step` = 0, 1, …, computed by the backend."""
        from keras import ops

        update = ops.cast(step, "float32") + self.count_from
        knots = [epoch * steps_per_epoch for epoch, _ in self._knots_and_rates]
        rates = [rate for _, rate in self._knots_and_rates]
        result = ops.full_like(update, rates[-1])
        # From the last segment to the first, each for the updates before its end.
        for i in range(len(rates) - 2, -1, -1):
            # Interpolated from the lower end, because near a rate of 0 a difference would lose its digits.
            near, far = (i, i + 1) if rates[i] < rates[i + 1] else (i + 1, i)
            fraction = (update - knots[near]) / (knots[far] - knots[near])
            segment = rates[near] + fraction * (rates[far] - rates[near])
            result = ops.where(update < knots[i + 1], segment, result)
        return ops.where(update <= knots[0], rates[0], result)
