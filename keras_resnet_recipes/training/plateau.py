"""Learning rate reduced when validation accuracy stops improving."""

from collections.abc import Callable
from typing import Any

import keras

from keras_resnet_recipes.recipe import BaseRecipe


class PlateauCallback(keras.callbacks.ReduceLROnPlateau):
    """Keras' callback with a recipe's numbers; it resumes with the run.

    Every larger top-1 counts as an improvement, however small. Keras' callback forgets its state when training
    begins; this one replays the epochs of the log, from the first rate on, to the same rate, best
    value and count.

    Args:
        recipe: Its schedule is a `Plateau`.
        monitor: The log to maximize: "val_top1", or "top1" without validation data.
        rows: Function that returns the log of the finished epochs, as in `RunFolder.rows`.
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
        """Starts at the first rate, and replays the finished epochs."""
        super().on_train_begin(logs)
        self.model.optimizer.learning_rate = self._first
        for row in self._rows():
            # A copy: Keras writes the rate into the logs.
            self.on_epoch_end(int(row["epoch"]), dict(row))
