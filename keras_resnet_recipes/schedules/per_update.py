"""Schedules of epochs, followed update by update."""

import dataclasses
from typing import Any

import keras


class Schedule:
    """A frozen dataclass that says the rate of an update, and is part of a saved optimizer."""

    def rate_at(self, step: Any, steps_per_epoch: int) -> Any:
        """The float32 rate of update `step` = 0, 1, …, in operations of the backend."""
        raise NotImplementedError

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
        return PerUpdate(self, steps_per_epoch)

    def get_config(self) -> dict[str, Any]:
        """Returns the fields."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Schedule":
        """Returns the schedule that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule with the update in place of the epoch, for the `learning_rate` of any optimizer.

    Args:
        schedule: `Cosine`, `Step`, `Exponential` or `PiecewiseLinear`.
        steps_per_epoch: How often `model.fit` calls the optimizer in an epoch, at least 1.

    Raises:
        ValueError: If `steps_per_epoch` is below 1.

    Example:
        >>> from keras_resnet_recipes.schedules import Step
        >>> updates = PerUpdate(Step(0.1, boundaries=(2,)), steps_per_epoch=5)
        >>> print(round(float(updates(9)), 6), round(float(updates(10)), 6))
        0.1 0.01
        >>> optimizer = keras.optimizers.SGD(updates)
    """

    def __init__(self, schedule: Schedule, steps_per_epoch: int) -> None:
        if steps_per_epoch < 1:
            raise ValueError(
                "`steps_per_epoch` must be at least 1. "
                f"Received: steps_per_epoch={steps_per_epoch!r}"
            )
        self.schedule = schedule
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate, a float32 scalar, of update `step` = 0, 1, …."""
        return self.schedule.rate_at(step, self.steps_per_epoch)

    def get_config(self) -> dict[str, Any]:
        """Returns the schedule and `steps_per_epoch`."""
        return {
            "schedule": keras.saving.serialize_keras_object(self.schedule),
            "steps_per_epoch": self.steps_per_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PerUpdate":
        """Returns the schedule that `get_config` described."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["steps_per_epoch"])
