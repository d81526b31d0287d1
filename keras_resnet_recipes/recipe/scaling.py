"""Scaling of recipes: to another batch size, and to another number of epochs."""

from typing import TYPE_CHECKING, Any, Self

from keras_resnet_recipes.number import UNPUBLISHED
from keras_resnet_recipes.recipe.keras_objects import KerasSchedule

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe.recipe import BaseRecipe


class Scaling:
    """Methods of `BaseRecipe` that change several numbers in proportion."""

    def rescaled(self, batch_size: int) -> Self:
        """Returns a copy for another batch size, with the learning rate scaled by the optimizer's rule.

        The peak rate of LAMB, AdamW and other adaptive optimizers scales with the square root of the batch
        size, that of SGD and RMSProp linearly with the batch size (Goyal et al., arXiv:1706.02677). The start of
        the warm-up and the minimum rate do not change, as in the published commands for smaller machines
        (timm's A2 on 4 x 256: learning rate 3.5e-3 = 5e-3 * sqrt(1024 / 2048), warm-up from 1e-4).

        Args:
            batch_size: Images per update, at least 1.

        Raises:
            ValueError: If `batch_size` is not legal, or the recipe has no batch size or learning rate.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> krr.A2().rescaled(512)
            A2(batch_size=512, learning_rate=0.0025)
        """
        names = ("batch_size", "learning_rate")
        if missing := [name for name in names if getattr(self, name) in (UNPUBLISHED, None)]:
            raise ValueError(
                f"`{'` and `'.join(missing)}` must have a value to rescale {type(self).__name__}. "
                "Give both for the new batch size instead, with `replace` or --set."
            )
        changed = self.replace(batch_size=batch_size)
        factor = (batch_size / self.batch_size) ** self.optimizer.scaling
        return changed.replace(learning_rate=self.learning_rate * factor)

    def shortened(self, epochs: int) -> Self:
        """Returns a copy for another number of epochs, with the times of its schedule in proportion.

        `replace(epochs=...)` changes the length alone: a step at epoch 80 is never reached in 30 epochs. This method
        also scales warm-up, steps, knots, cool-down, patience and the epochs of groups. Whole numbers of epochs are
        rounded, to at least 1 unless there is only one epoch. Rates and everything else stay; `ProgressiveSize` has
        fractions of the length anyway. A length that was published is returned as it was published.

        Args:
            epochs: Number of epochs, at least 1; it may be larger than the recipe's.

        Raises:
            ValueError: If `epochs` is not legal, the recipe has no number of epochs, or its schedule is a Keras
                object, which counts updates.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> krr.A2().shortened(30)
            A2(epochs=30, warmup_epochs=1)
            >>> krr.LinearProbe().shortened(30)
            LinearProbe(epochs=30, step_epochs=(18.0, 24.0))
        """
        recipe: BaseRecipe = self
        if recipe.epochs is UNPUBLISHED:
            raise ValueError(
                f"`epochs` of {type(self).__name__} must have a value to scale from. Give it, and the numbers of the "
                "schedule, with `replace` or --set."
            )
        if isinstance(recipe.schedule, KerasSchedule):
            raise ValueError(
                "`schedule` must be one of krr.schedules to be shortened: one of Keras counts updates. "
                f"Received: schedule={recipe.schedule!r}"
            )
        changes = {"epochs": epochs}
        as_published = epochs in (recipe.epochs, *dict(recipe.published_lengths))
        if isinstance(epochs, int) and not as_published:
            for one in recipe.numbers():
                if one.field.metadata.get("scales") and one.value is not UNPUBLISHED:
                    least = 1 if epochs > 1 else one.field.metadata["minimum"] or 0
                    changes[one.name] = _scaled(one.value, epochs / recipe.epochs, least)
        return recipe.replace(**changes)


def _scaled(time: Any, factor: float, least: int) -> Any:
    """Multiplies a time in epochs, times, or pairs of a time and something else; whole numbers stay whole."""
    if isinstance(time, tuple):
        pairs = all(isinstance(one, tuple) for one in time)
        return tuple(
            (_scaled(one[0], factor, least), *one[1:]) if pairs else _scaled(one, factor, least)
            for one in time
        )
    if isinstance(time, int) and time:
        return max(round(time * factor), least)
    # Six digits: (80 / 100) * 3 is not 2.4 in binary.
    return time and round(time * factor, 6)
