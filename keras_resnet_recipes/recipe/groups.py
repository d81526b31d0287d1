"""`Group`: variables with learning rates, weight decay or an optimizer of their own."""

import importlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.keras_objects import KerasOptimizer, KerasSchedule
from keras_resnet_recipes.recipe.optimizers import Optimizer, classifier

if TYPE_CHECKING:
    import keras

    from keras_resnet_recipes.recipe.recipe import BaseRecipe


class Group(Part):
    """Variables of the network with a learning rate, weight decay or optimizer of their own.

    In a recipe's `groups` the first group that names a variable applies to it; all others follow the recipe.

    Args:
        on: The variables: "kernels" (two or more dimensions), "convolutions" (four), "biases" (with the shifts of
            normalization layers, as in torch), "classifier" (the last layer), or else a regular expression, searched in
            their paths such as "stage1_block1_conv1/kernel".
        optimizer: Their optimizer, which clips and decays them by its own numbers; None is the recipe's.
        learning_rate_factor: Their learning rate relative to the recipe's, above 0.
        weight_decay_factor: Their weight decay relative to the optimizer's, at least 0.
        epochs: Epochs over which their rate follows the whole schedule, to stay at its end; None is all epochs. For
            schedules per update.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> slow_body = krr.FineTune(groups=(Group(on="classifier", learning_rate_factor=10),))
        >>> slow_body.group_learning_rate_factor
        10.0

    References:
        The parameter groups of `torch.optim.Optimizer`.
    """

    prefix: ClassVar[str] = "group"

    on: str = number(
        help="variables: kernels, convolutions, biases, classifier, or a regex of paths"
    )
    optimizer: Optimizer | None = number(None, "their optimizer", none="the recipe's")
    learning_rate_factor: float = number(1.0, "their relative learning rate", above=0)
    weight_decay_factor: float = number(1.0, "their relative weight decay", minimum=0)
    epochs: int | None = number(
        None,
        "epochs over which their rate follows the whole schedule",
        minimum=1,
        none="all",
        scales=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            re.compile(self.on)
        except re.error as error:
            raise ValueError(
                f"`on` must be a regular expression ({error}). Received: on={self.on!r}"
            ) from None
        if self.optimizer is not None and self.weight_decay_factor != 1:
            raise ValueError(
                "`weight_decay_factor` must be 1 with `optimizer`, which has its own weight decay. "
                f"Received: weight_decay_factor={self.weight_decay_factor!r}"
            )

    def names(self, variable: "keras.Variable", model: "keras.Model") -> bool:
        """Returns whether the group is on a variable of a model."""
        if self.on in ("kernels", "convolutions"):
            dimensions = len(variable.shape)
            return dimensions == 4 if self.on == "convolutions" else dimensions >= 2
        patterns = {
            "biases": "(^|/)(bias|beta)$",
            "classifier": f"(^|/){re.escape(classifier(model))}/",
        }
        return re.search(patterns.get(self.on, self.on), variable.path) is not None


def grouped_optimizer(
    optimizer: Optimizer,
    groups: Sequence[Group],
    rate: Callable[[int | None], Any],
    model: "keras.Model",
) -> "keras.optimizers.Optimizer":
    """Returns the Keras optimizer of a model for a recipe's optimizer and groups.

    Args:
        optimizer: The optimizer of variables that no group names.
        groups: The groups.
        rate: Function from the epochs of a group, None for all, to a learning rate or Keras schedule.
        model: Built model.

    Returns:
        One optimizer with factors by path; `krr.optimizers.MultiOptimizer` if a group has an own optimizer or epochs.

    Raises:
        ValueError: If a group names no variable that another one has left.
    """
    optimizers = importlib.import_module("keras_resnet_recipes.optimizers")
    left = list(model.trainable_variables)
    rates, decays, own = {}, {}, {}
    for group in groups:
        chosen = [variable for variable in left if group.names(variable, model)]
        if not chosen:
            raise ValueError(
                "`on` must name trainable variables of the network that no group before it names, such as "
                f"{model.trainable_variables[0].path!r}. Received: on={group.on!r}"
            )
        left = [variable for variable in left if not group.names(variable, model)]
        paths = optimizers.paths.pattern_of(chosen)
        if group.optimizer is None and group.epochs is None:
            rates[paths], decays[paths] = group.learning_rate_factor, group.weight_decay_factor
            continue
        part = optimizer if group.optimizer is None else group.optimizer
        factors = {"": group.learning_rate_factor}, {"": group.weight_decay_factor}
        own[paths] = part.build(rate(group.epochs), model, *factors)
    default = optimizer.build(rate(None), model, rates, decays)
    if not own:
        return default
    keras = importlib.import_module("keras")
    return optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(default, own))


def check_groups(recipe: "BaseRecipe") -> None:
    """Raises ValueError if the recipe's optimizer or schedule does not allow its groups."""
    if recipe.groups and isinstance(recipe.optimizer, KerasOptimizer):
        raise ValueError(
            "`groups` must be empty with a Keras optimizer; use one of krr.recipe. "
            f"Received: optimizer={recipe.optimizer!r}"
        )
    own = isinstance(recipe.schedule, KerasSchedule)
    for group in recipe.groups:
        if group.epochs is not None and (own or recipe.schedule.per != "update"):
            raise ValueError(
                "`epochs` of a group must be None unless the schedule has per='update'. "
                f"Received: {group!r} with schedule={recipe.schedule!r}"
            )
