"""`Schedule`: the base class of the learning rate schedules."""

import dataclasses
from typing import TYPE_CHECKING, Any, Self

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part

if TYPE_CHECKING:
    from keras_resnet_recipes.schedules.per_update import PerUpdate


class Schedule(Part, abstract=True):
    """The learning rate of every epoch, as a frozen value.

    A schedule is called with the epoch, so that `keras.callbacks.LearningRateScheduler` takes it; within
    an epoch the rate is constant. `per_update` gives the same curve update by update.

    In a recipe `learning_rate` and `epochs` are left out: the recipe gives its own. A schedule of your
    own defines `__call__` with those two; its annotated fields are its numbers:

    >>> class InverseRoot(Schedule):
    ...     timescale: float = 10.0
    ...     def __call__(self, epoch, lr=None):
    ...         return self.learning_rate / (1 + epoch / self.timescale) ** 0.5
    >>> import keras_resnet_recipes as krr
    >>> krr.A3(schedule=InverseRoot(timescale=5.0)).inverse_root_timescale
    5.0

    Args:
        learning_rate: The peak, at least 0.
        epochs: Length of the schedule, at least 1.
        per: "epoch" or "update": in a recipe, how often the rate changes.
    """

    learning_rate: float | None = number(None, "peak rate", minimum=0, from_recipe=True)
    epochs: int | None = number(None, "length", minimum=1, from_recipe=True)
    per: str = number(
        "epoch",
        "how often the rate changes: every epoch or update",
        choices=("epoch", "update"),
        flat="schedule_per",
        kw_only=True,
    )

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the learning rate of an epoch.

        Args:
            epoch: The epoch, counted from 0.
            lr: The rate so far, which `keras.callbacks.LearningRateScheduler` hands over; the
                curve does not depend on it.
        """
        raise NotImplementedError

    def for_run(self, learning_rate: float, epochs: int) -> Self:
        """The schedule with a recipe's peak and epochs.

        >>> from keras_resnet_recipes.schedules import Cosine
        >>> Cosine(warmup_epochs=0).for_run(0.1, 90)
        Cosine(learning_rate=0.1, epochs=90, warmup_epochs=0)
        """
        return dataclasses.replace(self, learning_rate=learning_rate, epochs=epochs)

    def total_epochs_of(self, epochs: int) -> int:
        """The number of epochs that a recipe with `epochs` trains."""
        return epochs

    def rate_at(self, step: Any, steps_per_epoch: int) -> Any:
        """The float32 rate of update `step` = 0, 1, …, in operations of the backend."""
        from keras import ops

        return self(ops.cast(step, "float32") / steps_per_epoch)

    def per_update(self, steps_per_epoch: int) -> "PerUpdate":
        """Returns the same curve for an optimizer that changes its rate at every update.

        Args:
            steps_per_epoch: How often `model.fit` calls the optimizer in an epoch, at least 1. With 1
                all epochs of the schedule are updates. With `gradient_accumulation_steps` Keras
                counts every micro-batch.

        Raises:
            ValueError: If `steps_per_epoch` is below 1.

        Example:
            >>> from keras_resnet_recipes.schedules import Cosine
            >>> updates = Cosine(5e-3, epochs=600).per_update(625)
            >>> print(round(float(updates(0)), 6), round(float(updates(625)), 6))
            0.0001 0.00108
        """
        from keras_resnet_recipes.schedules.per_update import PerUpdate

        return PerUpdate(self, steps_per_epoch)
