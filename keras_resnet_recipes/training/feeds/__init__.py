"""Where the images of a training step come from: batches made on the host, or a data set on the device."""

import importlib
from typing import TYPE_CHECKING

from keras_resnet_recipes.recipe import BaseRecipe

if TYPE_CHECKING:
    from keras_resnet_recipes.training.feeds import device, host


def feed_class(recipe: BaseRecipe) -> "type[device.Feed] | type[host.Feed]":
    """Returns the class that feeds a recipe's model; both have the same methods."""
    # Each module imports what the other does without: threads and kernels, or operations of the backend.
    name = "device" if recipe.data_on_device else "host"
    return importlib.import_module(f"{__name__}.{name}").Feed
