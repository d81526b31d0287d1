"""Polynomial decay with linear warm-up."""

from typing import Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.schedules.schedule import Schedule


class Polynomial(Schedule):
    """Linear warm-up to the peak, then decay to the minimum by a power of the remaining time.

    With peak b, minimum l, warm-up start s, T epochs, w warm-up epochs and power p, epoch e has

        s + e (b - s) / w                                for e < w
        l + (b - l) (1 - (e - w) / (T - w))^p            for w <= e < T
        l                                                for e >= T

    A power of 1 is a linear decay. `keras.optimizers.schedules.PolynomialDecay` has no warm-up and counts updates only.

    Args:
        learning_rate: The peak b, at least 0.
        epochs: T, the length of the schedule in epochs, warm-up included, at least 1.
        warmup_epochs: w, with 0 <= w <= T; 0 means no warm-up.
        warmup_learning_rate: s, the rate at the start of the warm-up, at least 0.
        minimum_learning_rate: l, at least 0.
        power: p, above 0.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> schedule = Polynomial(1.7, epochs=16, warmup_epochs=2, warmup_learning_rate=1.7e-4)
        >>> [round(schedule(epoch), 4) for epoch in (0, 1, 2, 9, 16)]
        [0.0002, 0.8501, 1.7, 0.85, 0.0]
        >>> print(round(float(schedule.per_update(100)(900)), 6))
        0.85

    References:
        `get_cyclic_lr` of libffcv/ffcv-imagenet (power 1).
    """

    prefix: ClassVar[str] = ""

    warmup_epochs: int = number(
        0, "epochs of linear warm-up, included in `epochs`", minimum=0, off=0, scales=True
    )
    warmup_learning_rate: float = number(0.0, "rate at the start of the warm-up", minimum=0)
    minimum_learning_rate: float = number(0.0, "final rate of the schedule", minimum=0)
    power: float = number(1.0, "power of the decay", above=0, flat="decay_power")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_warmup()

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch, counted from 0; `lr` has no effect."""
        start, low, peak = self.warmup_learning_rate, self.minimum_learning_rate, self.learning_rate
        if epoch < self.warmup_epochs:
            return start + epoch * (peak - start) / self.warmup_epochs
        remaining = max(self.epochs - epoch, 0) / max(self.epochs - self.warmup_epochs, 1)
        return low + (peak - low) * remaining**self.power

    def rate_at(self, step: Any, steps_per_epoch: float) -> Any:
        """Returns the float32 rate of update `step` = 0, 1, …, computed by the backend."""
        from keras import ops

        start, low, peak = self.warmup_learning_rate, self.minimum_learning_rate, self.learning_rate
        updates, warmup_updates = (
            round(one * steps_per_epoch) for one in (self.epochs, self.warmup_epochs)
        )
        # Counted in integers from the end: near a rate of 0, 1 - x would lose its digits in float32.
        step = ops.cast(step, "int32")
        remaining = ops.cast(ops.maximum(updates - step, 0), "float32")
        remaining = remaining / max(updates - warmup_updates, 1)
        rate = low + (peak - low) * ops.power(remaining, self.power)
        if not warmup_updates:
            return rate
        warmup = start + (peak - start) * (ops.cast(step, "float32") / warmup_updates)
        return ops.where(step < warmup_updates, warmup, rate)
