"""Cosine decay with linear warm-up."""

import math
from typing import Any, ClassVar, Self

from keras_resnet_recipes.number import number
from keras_resnet_recipes.schedules.schedule import Schedule


class Cosine(Schedule):
    """Cosine decay from the peak to the minimum, with the first epochs replaced by a linear warm-up.

    With peak b, minimum l, warm-up start s, T epochs and w warm-up epochs, epoch e = 0, 1, … has

        s + e (b - s) / w                            for e < w
        l + (b - l) (1 + cos(pi e / T)) / 2          for w <= e < T
        l                                            for e >= T, the cool-down

    The warm-up replaces the beginning of the cosine, so the rate at e = w is already a little less than
    the peak. With `warmup_prefix=True` the warm-up precedes the cosine: there are T + w epochs, and e - w
    replaces e after the warm-up. The whole first epoch has the rate s.

    torchvision's schedule is `Cosine(lr, T - w, w, 0.01 * lr, 0.0, warmup_prefix=True)` for its T epochs;
    that of GluonCV's "Bag of Tricks" is `Cosine(lr, T - w, w, 0.0, 0.0, warmup_prefix=True,
    reach_ends=True).per_update(steps_per_epoch)`. DeiT's script sets timm's schedule to the epoch that has just
    ended, so that two epochs have the rate s and the last one does not have the last rate: `lag_epochs=1`.

    A schedule is a function of the epoch, for `keras.callbacks.LearningRateScheduler`; within an epoch
    the rate is constant. `per_update` returns the same curve as a function of the update.
    `keras.optimizers.schedules.CosineDecay` differs: it depends on the update only, its decay
    starts after the warm-up (as with `warmup_prefix`), and it ends at a fraction of the peak.

    Args:
        learning_rate: The peak b, at least 0.
        epochs: T, the length of the cosine in epochs, at least 1.
        warmup_epochs: w, with 0 <= w <= T; 0 means no warm-up.
        warmup_learning_rate: s, the rate of epoch 0, at least 0; unused without warm-up.
        minimum_learning_rate: l, at least 0.
        cooldown_epochs: Epochs at the minimum after the cosine, at least 0.
        warmup_prefix: Whether the warm-up precedes the cosine instead of replacing its beginning.
        reach_ends: Whether the last epoch (or update) of the warm-up has the peak and the last of
            the cosine the minimum, as in GluonCV: the divisors are w - 1 and T - 1 instead of w and T.
        lag_epochs: Epochs by which the rate lags behind, at least 0: epoch e has the rate of epoch
            max(e - lag_epochs, 0).

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> schedule = Cosine(5e-3, epochs=600)
        >>> [round(schedule(epoch), 8) for epoch in (0, 1, 5, 599)]
        [0.0001, 0.00108, 0.00499914, 1.03e-06]
        >>> import keras
        >>> callback = keras.callbacks.LearningRateScheduler(schedule)

    References:
        Loshchilov and Hutter, "SGDR" (arXiv:1608.03983), equation 5, without restarts; warm-up,
        minimum and cool-down as in `CosineLRScheduler` of timm (huggingface/pytorch-image-models) for
        "ResNet strikes back".
    """

    prefix: ClassVar[str] = ""

    warmup_epochs: int = number(
        5, "epochs of linear warm-up, included in `epochs`", minimum=0, off=0, scales=True
    )
    warmup_learning_rate: float = number(1e-4, "rate of the first warm-up epoch", minimum=0)
    minimum_learning_rate: float = number(1e-6, "final rate of the schedule", minimum=0)
    cooldown_epochs: int = number(
        0, "epochs at the minimum after the schedule", minimum=0, scales=True
    )
    warmup_prefix: bool = number(
        False, "the warm-up precedes the cosine instead of replacing its beginning"
    )
    reach_ends: bool = number(
        False, "the last epoch or update of the warm-up has the peak, the last of all the minimum"
    )
    lag_epochs: int = number(0, "epochs by which the rate lags behind the schedule", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_warmup()

    def for_run(self, learning_rate: float, epochs: int) -> Self:
        """Returns the schedule with a recipe's peak and epochs, which include the warm-up."""
        return super().for_run(learning_rate, epochs - self._shift)

    def total_epochs_of(self, epochs: int) -> int:
        """Returns the number of epochs trained by a recipe with `epochs`, including the cool-down."""
        return epochs + self.cooldown_epochs

    def __call__(self, epoch: int, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch.

        Args:
            epoch: The epoch, counted from 0.
            lr: The current rate, passed by `keras.callbacks.LearningRateScheduler`; unused.

        Example:
            >>> Cosine(1.0, epochs=10, warmup_epochs=0, minimum_learning_rate=0.0)(5)
            0.5
        """
        epoch = max(epoch - self.lag_epochs, 0)
        if epoch < self.warmup_epochs:
            start = self.warmup_learning_rate
            last = max(self.warmup_epochs - self.reach_ends, 1)
            return start + epoch * (self.learning_rate - start) / last
        length = max(self.epochs - self.reach_ends, 1)
        elapsed = min(epoch - self._shift, length)
        amplitude = (self.learning_rate - self.minimum_learning_rate) / 2
        cosine = math.cos(math.pi * elapsed / length)
        return self.minimum_learning_rate + amplitude * (1 + cosine)

    @property
    def _shift(self) -> int:
        return self.warmup_epochs if self.warmup_prefix else 0

    @property
    def total_epochs(self) -> int:
        """Number of epochs to train: the cosine, a warm-up before it, and the cool-down.

        Example:
            >>> Cosine(5e-3, epochs=300, cooldown_epochs=10).total_epochs
            310
        """
        return self._shift + self.epochs + self.cooldown_epochs

    def rate_at(self, step: Any, steps_per_epoch: float) -> Any:
        """Returns the float32 rate of update `step` = 0, 1, …, computed by the backend."""
        from keras import ops

        step = ops.maximum(ops.cast(step, "int32") - round(self.lag_epochs * steps_per_epoch), 0)
        updates = max(round(self.epochs * steps_per_epoch) - self.reach_ends, 1)
        warmup_updates = round(self.warmup_epochs * steps_per_epoch)
        remaining = ops.maximum(updates + round(self._shift * steps_per_epoch) - step, 0)

        # 1 + cos(x) loses all digits near the end in float32; sin² of the remaining angle keeps them.
        sine = ops.sin(math.pi / 2 * (ops.cast(remaining, "float32") / updates))
        low, peak = self.minimum_learning_rate, self.learning_rate
        rate = low + (peak - low) * ops.square(sine)
        if not warmup_updates:
            return rate
        start, last = self.warmup_learning_rate, max(warmup_updates - self.reach_ends, 1)
        warmup = start + (peak - start) * (ops.cast(step, "float32") / last)
        return ops.where(step < warmup_updates, warmup, rate)
