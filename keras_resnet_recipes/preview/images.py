"""The first training images, to look at before training."""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.recipe import BaseRecipe, check_complete
from keras_resnet_recipes.recipe.recipe import NEUTRAL
from keras_resnet_recipes.training.checks import resolved_classes
from keras_resnet_recipes.training.feeds import feed_class

if TYPE_CHECKING:
    from keras_resnet_recipes.input_pipeline.snapshots import Snapshot
    from keras_resnet_recipes.training.feeds import device, host


# Fields that images depend on; others may be unpublished.
_SEEN = (
    *("loss", "train_size", "progressive_size", "repeated_augmentation", "balanced_sampling"),
    *("augmentation", "mix"),
)


def preview(recipe: BaseRecipe, dataset: Any, *, rows: int, columns: int, seed: int) -> np.ndarray:
    """Returns the first training images, one batch per row: uint8 [rows, columns, size, size, 3]."""
    return _preview_feed(recipe, dataset, rows, columns, seed).previewed(rows)


def snapshots(recipe: BaseRecipe, dataset: Any, *, columns: int, seed: int) -> "list[Snapshot]":
    """Returns the first `columns` training images as one batch, as decoded and after each ingredient."""
    return _preview_feed(recipe, dataset, 1, columns, seed).snapshots()


def _preview_feed(
    recipe: BaseRecipe,
    dataset: Any,
    rows: int,
    columns: int,
    seed: int,
) -> "device.Feed | host.Feed":
    """Returns the feed of a training with `rows` batches of `columns` images."""
    for name, count in (("rows", rows), ("columns", columns)):
        if count < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={count!r}")
    if columns % 2 and recipe.mixes_in_pairs:
        raise ValueError(
            f"`columns` must be even where images are mixed in pairs. Received: columns={columns!r}"
        )
    progressive = recipe.progressive_size is not None
    check_complete(recipe, fields=(*_SEEN, *(["epochs"] if progressive else [])))
    if progressive:
        recipe = recipe.replace(train_size=recipe.train_size_in(0), progressive_size=None)
    data = from_source(dataset)
    classes = resolved_classes(recipe, data)
    one_batch = {"batch_size": columns, "gradient_accumulation_steps": 1}
    # One epoch is enough, and the number of epochs may be unpublished.
    recipe = recipe.replace(classes=classes, epochs=1, schedule=NEUTRAL, **one_batch)
    return feed_class(recipe)(recipe, data, None, steps=rows, seed=seed)
