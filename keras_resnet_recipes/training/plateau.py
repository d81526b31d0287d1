"""A learning rate that falls when the error no longer does."""

from collections.abc import Callable
from typing import Any

import keras

from keras_resnet_recipes.recipe import BaseRecipe


class PlateauCallback(keras.callbacks.ReduceLROnPlateau):
    """Keras' callback with a recipe's numbers, which goes on where a resumed run was.

    Every larger top-1 counts as an improvement, however small. Keras begins anew whenever training
    begins; this one is then told all epochs of the log, in their order and from the first rate on, and
    ends with the rate, the best value and the count of the run that was stopped, to the bit.

    Args:
        recipe: Its schedule is a `Plateau`.
        monitor: The log that should rise: "val_top1", or "top1" without validation data.
        rows: Gives the log of the finished epochs, as `RunFolder.rows` is.
    """

    def __init__(
        self, recipe: BaseRecipe, monitor: str, rows: Callable[[], list[dict[str, float]]]
    ) -> None:
        super().__init__(
            monitor,
            factor=recipe.schedule.factor,
            patience=recipe.schedule.patience,
            mode="max",
            min_delta=0.0,
            min_lr=recipe.schedule.minimum_learning_rate,
        )
        self._first = recipe.learning_rate
        self._rows = rows

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begins, or goes through the finished epochs once more."""
        super().on_train_begin(logs)
        self.model.optimizer.learning_rate = self._first
        for row in self._rows():
            # A copy: Keras writes the rate into what it is given.
            self.on_epoch_end(int(row["epoch"]), dict(row))
