"""`Schedule`: the base class of learning rate schedules."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    from keras_resnet_recipes.schedules.per_update import PerUpdate


class Schedule(Part, abstract=True):
    """Base class of learning rate schedules, as frozen values.

    A schedule is a function of the epoch, for `keras.callbacks.LearningRateScheduler`; within an epoch the
    rate is constant. `per_update` returns the same curve as a function of the update.

    In a recipe `learning_rate` and `epochs` are set by the recipe. A custom schedule defines `__call__` in
    terms of these two; its annotated fields are its settings.

    Args:
        learning_rate: The peak rate, at least 0.
        epochs: Length of the schedule in epochs, at least 1.
        per: "epoch" or "update": whether the rate changes per epoch or per update in a recipe.

    Example:
        >>> class InverseRoot(Schedule):
        ...     timescale: float = 10.0
        ...     def __call__(self, epoch, lr=None):
        ...         return self.learning_rate / (1 + epoch / self.timescale) ** 0.5
        >>> import keras_resnet_recipes as krr
        >>> krr.A3(schedule=InverseRoot(timescale=5.0)).inverse_root_timescale
        5.0
    """

    learning_rate: float | None = number(None, "peak rate", minimum=0, from_recipe=True)
    epochs: int | None = number(None, "length", minimum=1, from_recipe=True)
    per: str = number(
        "epoch",
        "whether the rate changes per epoch or per update",
        choices=("epoch", "update"),
        flat="schedule_per",
        kw_only=True,
    )

    def _check_warmup(self) -> None:
        """Raises ValueError if the schedule has more epochs of warm-up than epochs, where both are known."""
        numbers = self.epochs, self.warmup_epochs
        if all(isinstance(one, int) for one in numbers) and self.warmup_epochs > self.epochs:
            raise ValueError(
                f"`warmup_epochs` must be at most `epochs` ({self.epochs}). "
                f"Received: warmup_epochs={self.warmup_epochs!r}"
            )

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch.

        Args:
            epoch: The epoch, counted from 0.
            lr: The current rate, passed by `keras.callbacks.LearningRateScheduler`; unused.
        """
        raise NotImplementedError

    def for_run(self, learning_rate: float, epochs: int) -> Self:
        """Returns the schedule with a recipe's peak and epochs.

        Example:
            >>> from keras_resnet_recipes.schedules import Cosine
            >>> Cosine(warmup_epochs=0).for_run(0.1, 90)
            Cosine(learning_rate=0.1, epochs=90, warmup_epochs=0)
        """
        return dataclasses.replace(self, learning_rate=learning_rate, epochs=epochs)

    def total_epochs_of(self, epochs: int) -> int:
        """Returns the number of epochs trained by a recipe with `epochs`."""
        return epochs

    def misfits(self, epochs: int) -> Iterator[str]:
        """Yields a sentence for each number that does not fit a recipe with `epochs`.

        Example:
            >>> from keras_resnet_recipes.schedules import Cosine
            >>> next(Cosine(warmup_epochs=5).misfits(epochs=10))
            '`warmup_epochs`: the warm-up takes 5 of 10 epochs.'
        """
        warmup = getattr(self, "warmup_epochs", 0)
        if warmup > epochs / 3:
            yield f"`warmup_epochs`: the warm-up takes {warmup} of {epochs} epochs."
        added = self.total_epochs_of(epochs) - epochs
        if added:
            yield f"`cooldown_epochs`: {added} epochs are trained after the {epochs}."

    def rate_at(self, step: Any, steps_per_epoch: float) -> Any:
        """Returns the float32 rate of update `step` = 0, 1, …, computed by the backend."""
        from keras import ops

        return self(ops.cast(step, "float32") / steps_per_epoch)

    def per_update(self, steps_per_epoch: float) -> "PerUpdate":
        """Returns the same curve as a function of the update, for the `learning_rate` of an optimizer.

        Args:
            steps_per_epoch: Number of calls of the optimizer by `model.fit` per epoch, above 0. With
                1 the epochs of the schedule are updates. With `gradient_accumulation_steps` Keras
                counts every micro-batch.

        Raises:
            ValueError: If `steps_per_epoch` is not above 0.

        Example:
            >>> from keras_resnet_recipes.schedules import Cosine
            >>> updates = Cosine(5e-3, epochs=600).per_update(625)
            >>> print(round(float(updates(0)), 6), round(float(updates(625)), 6))
            0.0001 0.00108
        """
        from keras_resnet_recipes.schedules.per_update import PerUpdate

        return PerUpdate(self, steps_per_epoch)
