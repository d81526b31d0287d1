"""The learning rate of every epoch and update."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.recipe import BaseRecipe, KerasSchedule, check_complete
from keras_resnet_recipes.schedules import Plateau, Schedule


def schedule(recipe: BaseRecipe) -> Schedule:
    """Returns the schedule of a run, from an epoch to its learning rate.

    Raises:
        ValueError: If a rate is negative or not finite.
    """
    rates = recipe.schedule.for_run(recipe.learning_rate, recipe.epochs)
    if not isinstance(rates, Plateau):
        for epoch in range(recipe.total_epochs):
            rate = rates(epoch)
            if not 0 <= rate < math.inf:
                raise ValueError(
                    "`schedule` must give rates of at least 0. Received: "
                    f"{type(recipe.schedule).__name__}, which gives {rate!r} in epoch {epoch}"
                )
    return rates


def per_update(recipe: BaseRecipe) -> bool:
    """Returns whether the rate changes with every update."""
    return isinstance(recipe.schedule, KerasSchedule) or recipe.schedule.per == "update"


def first_rate(recipe: BaseRecipe, steps: int, epochs: int | None = None) -> Any:
    """Returns what an optimizer is created with: the first rate, or the schedule of all updates.

    Args:
        recipe: The recipe.
        steps: Updates per epoch.
        epochs: Epochs within which a schedule per update has its whole course; None means the recipe's.
    """
    if isinstance(recipe.schedule, KerasSchedule):
        return recipe.schedule.build()
    rates = schedule(recipe)
    if not per_update(recipe):
        return rates(0)
    return rates.per_update(steps if epochs is None else steps * epochs / recipe.epochs)


def rate_at(recipe: BaseRecipe, steps: int) -> Callable[[int], float]:
    """Returns the function from an update, counted from 0 over all epochs, to its learning rate."""
    if not per_update(recipe):
        rates = schedule(recipe)
        return lambda update: rates(update // steps)
    updates = first_rate(recipe, steps)
    return lambda update: float(keras.ops.convert_to_numpy(updates(update)))


def learning_rates(recipe: BaseRecipe, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions in epochs, from 0, and the learning rates that hold from each on.

    One per epoch, or about 1000 updates of a recipe whose rate changes with every update.

    Raises:
        ValueError: If the recipe lacks a value, or `steps_per_epoch` is below 1.
    """
    check_complete(recipe)
    if steps < 1:
        raise ValueError(f"`steps_per_epoch` must be at least 1. Received: steps_per_epoch={steps}")
    epochs = recipe.total_epochs
    stride = -(-epochs * steps // 1000) if per_update(recipe) else steps
    updates = np.unique([*range(0, epochs * steps, stride), epochs * steps - 1])
    rates = rate_at(recipe, steps)
    return updates / steps, np.array([rates(int(update)) for update in updates])


class PlateauCallback(keras.callbacks.ReduceLROnPlateau):
    """Keras' callback with a recipe's numbers; it resumes with the run.

    Every larger value counts as an improvement, however small. Keras' callback forgets its state when training
    begins; this one replays the finished epochs, from the first rate on, to the same rate, best value and count.

    Args:
        recipe: Its schedule is a `Plateau`.
        monitor: The log to maximize: that of the best epoch, or "top1" without validation data.
    """

    def __init__(self, recipe: BaseRecipe, monitor: str) -> None:
        super().__init__(
            monitor,
            factor=recipe.schedule.factor,
            patience=recipe.schedule.patience,
            mode="max",
            min_delta=0.0,
            min_lr=recipe.schedule.minimum_learning_rate,
        )
        self._first = recipe.learning_rate

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts at the first rate."""
        super().on_train_begin(logs)
        self.model.optimizer.learning_rate = self._first

    def resume(self, rows: list[dict[str, float]]) -> None:
        """Replays the finished epochs, as `RunFolder.rows` has them."""
        for row in rows:
            # A copy: Keras writes the rate into the logs.
            self.on_epoch_end(int(row["epoch"]), dict(row))
