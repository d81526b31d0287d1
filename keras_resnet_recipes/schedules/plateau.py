"""Learning rates that decrease when accuracy stops improving."""

from collections.abc import Iterator
from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.schedules.schedule import Schedule


class Plateau(Schedule):
    """A rate that is multiplied by a factor after a number of epochs without a better top-1.

    In a recipe this is the top-1 of validation, or without validation data that of training. It is
    implemented by `keras.callbacks.ReduceLROnPlateau`, whose state is restored when a run resumes. Calling
    the schedule returns the initial rate, the only one known in advance.

    Args:
        learning_rate: The initial rate, at least 0.
        epochs: Unused.
        patience: Epochs without improvement after which the rate is reduced, at least 1.
        factor: Factor on the rate, between 0 and 1, exclusive.
        minimum_learning_rate: Lower bound of the rate, at least 0.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.He2015(schedule=Plateau(patience=5)).plateau_patience
        5

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.4.
    """

    prefix: ClassVar[str] = ""

    patience: int = number(
        help="epochs without a better top-1 after which the rate is reduced",
        minimum=1,
        flat="plateau_patience",
        kw_only=True,
        scales=True,
    )
    factor: float = number(
        0.1, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    minimum_learning_rate: float = number(0.0, "lower bound of the rate", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor == 1:
            raise ValueError("`factor` must be less than 1. Received: factor=1.0")
        if self.per != "epoch":
            raise ValueError(f"`per` must be 'epoch' for a plateau. Received: per={self.per!r}")

    def misfits(self, epochs: int) -> Iterator[str]:
        """Yields a sentence if the patience is not less than a recipe's `epochs`."""
        if self.patience >= epochs:
            yield f"`plateau_patience`: {self.patience} epochs of patience never pass in {epochs} epochs."

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the initial rate."""
        return self.learning_rate
