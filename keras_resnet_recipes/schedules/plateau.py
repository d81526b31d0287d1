"""A rate that falls when accuracy no longer rises."""

from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.schedules.schedule import Schedule


class Plateau(Schedule):
    """A rate that is multiplied by a factor after epochs without a better top-1.

    In a recipe it is the validation's top-1, without validation data that of training.
    `keras.callbacks.ReduceLROnPlateau` does it, and resumes where a run was stopped. Only the first rate
    is known beforehand, which calling the schedule returns.

    Args:
        learning_rate: The first rate, at least 0.
        epochs: Unused.
        patience: Epochs without improvement after which the rate falls, at least 1.
        factor: What it is multiplied by, between 0 and 1, exclusive.
        minimum_learning_rate: The rate does not fall below, at least 0.

    Raises:
        ValueError: If a number is outside its range.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.He2015(schedule=Plateau(patience=5)).plateau_patience
        5

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.4.
    """

    prefix: ClassVar[str] = ""

    patience: int = number(
        help="epochs without a better top-1 after which the rate falls",
        minimum=1,
        flat="plateau_patience",
        kw_only=True,
    )
    factor: float = number(
        0.1, "factor of the rate at each step", above=0, maximum=1, flat="step_factor"
    )
    minimum_learning_rate: float = number(0.0, "rate that it does not fall below", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor == 1:
            raise ValueError("`factor` must be below 1. Received: factor=1.0")
        if self.per != "epoch":
            raise ValueError(f"`per` must be 'epoch' for a plateau. Received: per={self.per!r}")

    def __call__(self, epoch: float, lr: float | None = None) -> float:
        """Returns the first rate."""
        return self.learning_rate
