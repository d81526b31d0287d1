"""The first training pictures, for someone to look at before anything is trained."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.recipes.checks import check_complete
from keras_resnet_recipes.training import parts

if TYPE_CHECKING:
    from keras_resnet_recipes.training import resident, streamed
    from keras_resnet_recipes.training.stage import Stage


# What may be missing of a recipe whose pictures are looked at.
_NOT_SEEN = (
    "epochs",
    "batch_size",
    "learning_rate",
    "momentum",
    "weight_decay",
    "adaptive_gradient_clip",
    "ema_decay",
    "step_epochs",
    "step_factor",
    "plateau_patience",
    "exponential_epochs",
    "warmup_epochs",
    "warmup_learning_rate",
    "minimum_learning_rate",
)


def preview(
    recipe: Recipe, dataset: Any, *, rows: int, columns: int, seed: int, **own: Any
) -> np.ndarray:
    """The first training pictures, a batch a row: uint8 [rows, columns, size, size, 3]."""
    return _preview_feed(recipe, dataset, rows, columns, seed, **own).previewed(rows)


def stages(recipe: Recipe, dataset: Any, *, columns: int, seed: int, **own: Any) -> "list[Stage]":
    """The first `columns` training pictures as one batch, as decoded and after each ingredient."""
    return _preview_feed(recipe, dataset, 1, columns, seed, **own).stages()


def _preview_feed(
    recipe: Recipe,
    dataset: Any,
    rows: int,
    columns: int,
    seed: int,
    augment: Sequence[Callable[..., Any]] | None = None,
    mix: Callable[..., Any] | None = None,
) -> "resident.Feed | streamed.Feed":
    """What feeds a training of `rows` batches of `columns` pictures."""
    for name, count in (("rows", rows), ("columns", columns)):
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1; received {count}.")
    check_complete(recipe, apart_from=_NOT_SEEN)
    source = parts.source(recipe)
    data = source.read(dataset)
    classes = parts.resolved_classes(recipe, data)
    one_batch = {"batch_size": columns, "gradient_accumulation_steps": 1}
    recipe = recipe.replace(classes=classes, epochs=recipe.epochs or 1, **one_batch)
    own = {"augment": augment, "mix": mix}
    if columns % 2 and mix is None and parts.mixing(recipe) and recipe.mix_partner == "reversed":
        raise ValueError(
            f"`columns` must be even where pictures are mixed in pairs; received {columns}."
        )
    return source.Feed(recipe, data, None, steps=rows, seed=seed, **own)
