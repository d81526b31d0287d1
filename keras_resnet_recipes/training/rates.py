"""What a recipe's schedule becomes: the learning rate of every update, and what tells of it."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes.clock import Progress
from keras_resnet_recipes.recipe import BaseRecipe, KerasSchedule, check_complete
from keras_resnet_recipes.schedules import Plateau, Schedule


def schedule(recipe: BaseRecipe) -> Schedule:
    """The learning rate of each epoch.

    Raises:
        ValueError: If it is negative or no number in any of them.
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
    """Whether the rate changes with every update."""
    return isinstance(recipe.schedule, KerasSchedule) or recipe.schedule.per == "update"


def first_rate(recipe: BaseRecipe, steps: int) -> Any:
    """What an optimizer begins with: the first rate, or the schedule of all updates."""
    if isinstance(recipe.schedule, KerasSchedule):
        return recipe.schedule.build()
    rates = schedule(recipe)
    return rates.per_update(steps) if per_update(recipe) else rates(0)


def rate_at(recipe: BaseRecipe, steps: int) -> Callable[[int], float]:
    """From an update, counted from 0 over all epochs of so many, to its learning rate."""
    if not per_update(recipe):
        rates = schedule(recipe)
        return lambda update: rates(update // steps)
    updates = first_rate(recipe, steps)
    return lambda update: float(keras.ops.convert_to_numpy(updates(update)))


def progress(recipe: BaseRecipe, steps: int) -> Progress:
    """What tells how fast a run of so many updates an epoch goes."""
    accumulated = recipe.gradient_accumulation_steps
    # Where a plateau begins is only known after the epochs.
    rates = None if isinstance(recipe.schedule, Plateau) else rate_at(recipe, steps)
    return Progress(
        images=recipe.batch_size // accumulated,
        batches=steps * accumulated,
        epochs=recipe.total_epochs,
        rate_at=rates and (lambda batch: rates(batch // accumulated)),
    )


def learning_rates(recipe: BaseRecipe, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in epochs, from 0, and the learning rates that hold from each on.

    Every epoch, or some 1000 updates of a recipe whose rate changes with those.

    Raises:
        ValueError: If the recipe lacks a value, or `steps_per_epoch` is below 1.
    """
    check_complete(recipe)
    if steps < 1:
        raise ValueError(f"`steps_per_epoch` must be at least 1; received {steps}.")
    epochs = recipe.total_epochs
    stride = -(-epochs * steps // 1000) if per_update(recipe) else steps
    updates = np.unique([*range(0, epochs * steps, stride), epochs * steps - 1])
    rates = rate_at(recipe, steps)
    return updates / steps, np.array([rates(int(update)) for update in updates])
