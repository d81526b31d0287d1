"""Schedules as a function of the update instead of the epoch."""

from typing import Any

import keras

from keras_resnet_recipes.part import from_json, to_json
from keras_resnet_recipes.schedules.schedule import Schedule


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class PerUpdate(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule as a function of the update, for the `learning_rate` of any optimizer.

    Args:
        schedule: `Cosine`, `Step`, `Exponential` or `PiecewiseLinear`.
        steps_per_epoch: Number of calls of the optimizer by `model.fit` per epoch, above 0; not necessarily
            an integer, so that a schedule can be compressed to any length.

    Raises:
        ValueError: If `steps_per_epoch` is not above 0.

    Example:
        >>> from keras_resnet_recipes.schedules import Step
        >>> updates = PerUpdate(Step(0.1, boundaries=(2,)), steps_per_epoch=5)
        >>> print(round(float(updates(9)), 6), round(float(updates(10)), 6))
        0.1 0.01
        >>> optimizer = keras.optimizers.SGD(updates)
    """

    def __init__(self, schedule: Schedule, steps_per_epoch: float) -> None:
        if not steps_per_epoch > 0:
            raise ValueError(
                f"`steps_per_epoch` must be above 0. Received: steps_per_epoch={steps_per_epoch!r}"
            )
        self.schedule = schedule
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate, a float32 scalar, of update `step` = 0, 1, …."""
        return self.schedule.rate_at(step, self.steps_per_epoch)

    def get_config(self) -> dict[str, Any]:
        """Returns the schedule and `steps_per_epoch`."""
        return {
            "schedule": to_json(self.schedule),
            "steps_per_epoch": self.steps_per_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "PerUpdate":
        """Returns the schedule described by the output of `get_config`."""
        schedule = from_json(config["schedule"])
        return cls(schedule, config["steps_per_epoch"])
