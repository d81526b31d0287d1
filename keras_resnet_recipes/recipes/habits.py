"""Arguments that users of Keras give to `fit` by habit: each is an error that says what to write here."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipe.flat import meant

if TYPE_CHECKING:
    from keras_resnet_recipes.recipe import BaseRecipe

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_PAIR = "Give images and labels as one pair: recipe.fit((x, y))."
# Arguments of `keras.Model.fit` that are no values of a recipe, and what to write with the given value.
_INSTEAD = {
    "x": _PAIR,
    "y": _PAIR,
    "data": "Give the data set first: recipe.fit(data).",
    "epochs": "It is a value of the recipe: recipe.shortened({value}).fit(data) scales warm-up and steps in "
    "proportion, recipe.replace(epochs={value}).fit(data) changes nothing else.",
    "validation_split": "Draw the images to hold out: training, validation = krr.data.split(data, {value}), "
    "then recipe.fit(training, validation_data=validation).",
    "class_weight": "Class weights are a value of the recipe's loss: "
    "recipe.replace(class_weights='balanced').fit(data).",
    "batch_size": "It is a value of the recipe: recipe.rescaled({value}).fit(data) scales the learning rate with it, "
    "recipe.replace(batch_size={value}).fit(data) keeps it.",
    "shuffle": "Training images are always shuffled; `seed` gives another order.",
    "initial_epoch": "A run resumes by itself: recipe.fit(data, run_dir='runs/1').",
}


def explained(fit: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorates `fit`: an argument that it does not have is a ValueError that says what to write instead."""
    legal = inspect.signature(fit).parameters

    @functools.wraps(fit)
    def call(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        # The first one is the recipe.
        if len(arguments) > 2:
            raise ValueError(
                f"`dataset` must be one argument. Received: {len(arguments) - 1} positional arguments. {_PAIR}"
            )
        for name, value in options.items():
            if name not in legal:
                raise ValueError(
                    f"`fit` has no `{name}`. {_instead(arguments[0], name, value, [*legal][1:])}"
                )
        return fit(*arguments, **options)

    return call


def _instead(recipe: "BaseRecipe", name: str, value: Any, legal: list[str]) -> str:
    """Returns what to write instead of an argument."""
    text = repr(value) if isinstance(value, int | float) else "..."
    if name in _INSTEAD:
        return _INSTEAD[name].format(value=text)
    own = meant(recipe, name)
    if own is None:
        return closest(name, legal).strip() or f"Its arguments are {', '.join(legal)}."
    return f"It is a value of the recipe: recipe.replace({own}={text}).fit(data)."
