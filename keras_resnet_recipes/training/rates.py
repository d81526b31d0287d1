"""What a recipe's schedule becomes: the learning rate of every update, and what tells of it."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import schedules
from keras_resnet_recipes.clock import Progress
from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.recipes.checks import check_complete


def schedule(recipe: Recipe) -> schedules.Schedule:
    """The learning rate of each epoch."""
    warmup: dict[str, Any] = {
        "warmup_epochs": recipe.warmup_epochs,
        "warmup_learning_rate": recipe.warmup_learning_rate,
    }
    if recipe.schedule == "cosine":
        return schedules.Cosine(
            recipe.learning_rate,
            epochs=recipe.epochs - recipe.warmup_epochs * recipe.warmup_prefix,
            minimum_learning_rate=recipe.minimum_learning_rate,
            cooldown_epochs=recipe.cooldown_epochs,
            warmup_prefix=recipe.warmup_prefix,
            reach_ends=recipe.schedule_reaches_ends,
            **warmup,
        )
    if recipe.schedule == "plateau":
        # What makes it fall is only known after the epochs.
        return schedules.Step(recipe.learning_rate)
    if recipe.schedule == "step":
        return schedules.Step(
            recipe.learning_rate,
            boundaries=recipe.step_epochs,
            factor=recipe.step_factor,
            reach_ends=recipe.schedule_reaches_ends,
            **warmup,
        )
    if recipe.schedule == "exponential":
        return schedules.Exponential(
            recipe.learning_rate,
            every_epochs=recipe.exponential_epochs,
            factor=recipe.step_factor,
            **warmup,
        )
    rates = [factor * recipe.learning_rate for factor in recipe.knot_factors]
    return schedules.PiecewiseLinear(
        tuple(zip(recipe.knot_epochs, rates, strict=True)),
        count_from=int(recipe.schedule_reaches_ends),
    )


def rate_at(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """From an update, counted from 0 over all epochs of so many, to its learning rate."""
    rates = schedule(recipe)
    if recipe.schedule_per == "epoch":
        return lambda update: rates(update // steps)
    updates = rates.per_update(steps)
    return lambda update: float(keras.ops.convert_to_numpy(updates(update)))


def progress(recipe: Recipe, steps: int) -> Progress:
    """What tells how fast a run of so many updates an epoch goes."""
    accumulated = recipe.gradient_accumulation_steps
    # Where a plateau begins is only known after the epochs.
    rates = None if recipe.schedule == "plateau" else rate_at(recipe, steps)
    return Progress(
        images=recipe.batch_size // accumulated,
        batches=steps * accumulated,
        epochs=recipe.epochs + recipe.cooldown_epochs,
        rate_at=rates and (lambda batch: rates(batch // accumulated)),
    )


def learning_rates(recipe: Recipe, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in epochs, from 0, and the learning rates that hold from each on.

    Every epoch, or some 1000 updates of a recipe whose rate changes with those.

    Raises:
        ValueError: If the recipe lacks a value, or `steps_per_epoch` is below 1.
    """
    check_complete(recipe)
    if steps < 1:
        raise ValueError(f"`steps_per_epoch` must be at least 1; received {steps}.")
    epochs = recipe.epochs + recipe.cooldown_epochs
    stride = steps if recipe.schedule_per == "epoch" else -(-epochs * steps // 1000)
    updates = np.unique([*range(0, epochs * steps, stride), epochs * steps - 1])
    rates = rate_at(recipe, steps)
    return updates / steps, np.array([rates(int(update)) for update in updates])
