"""Numbers of a recipe that do not fit the length of its training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_resnet_recipes.number import UNPUBLISHED, shown
from keras_resnet_recipes.recipe.keras_objects import KerasSchedule
from keras_resnet_recipes.recipe.optimizers import Lamb

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe

# A scale moves by about the learning rate per update: at a rate of 0.005 it takes 200 updates from 0 to 1.
_UPDATES_OF_ZERO_GAMMA = 500


def misfits(recipe: "BaseRecipe", steps: int) -> Iterator[str]:
    """Yields a sentence for each number that does not fit the length of the training.

    Args:
        recipe: The recipe, without missing numbers.
        steps: Updates per epoch.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> list(misfits(krr.He2015(epochs=70, step_epochs=(30, 60, 80)), steps=100))
        ['`step_epochs`: 80 is not reached in 70 epochs.']
    """
    found = list(_times(recipe))
    yield from found
    if found and _fits_shortened(recipe):
        yield (
            f"`epochs`: `krr.{type(recipe).__name__}().shortened({recipe.epochs})` scales these with the length, as "
            f"`--epochs {recipe.epochs}` does."
        )
    updates = steps * recipe.total_epochs
    if recipe.ema is not None:
        span = recipe.ema.every / (1 - recipe.ema.decay)
        if span > updates / 2:
            yield (
                f"`ema_decay`: the EMA averages over about {span:,.0f} updates, and the run has {updates:,}."
            )
    zero = recipe.zero_gamma and recipe.weights is None and isinstance(recipe.optimizer, Lamb)
    if zero and updates < _UPDATES_OF_ZERO_GAMMA:
        yield (
            f"`zero_gamma`: residual branches start with a scale of 0, which LAMB has only {updates:,} updates to "
            "learn; `zero_gamma=False` starts them at 1."
        )


def _fits_shortened(recipe: "BaseRecipe") -> bool:
    """Returns whether the published recipe, scaled to this other length, has times that fit it."""
    published = type(recipe)()
    own = isinstance(published.schedule, KerasSchedule)
    if own or published.epochs is UNPUBLISHED or published.epochs == recipe.epochs:
        return False
    scaled = published.shortened(recipe.epochs)
    return not scaled.missing() and not list(_times(scaled))


def _times(recipe: "BaseRecipe") -> Iterator[str]:
    """Yields the sentences about times in epochs."""
    if not isinstance(recipe.schedule, KerasSchedule):
        yield from recipe.schedule.misfits(recipe.epochs)
    for group in recipe.groups:
        if group.epochs is not None and group.epochs > recipe.epochs:
            yield (
                f"`group_epochs`: the rate of {group.on!r} falls within {shown(group.epochs)} epochs, and the run has "
                f"{recipe.epochs}."
            )
