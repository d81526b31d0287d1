"""Where the images of a training step come from: batches made on the host, or a data set on the device."""

import importlib
from types import ModuleType

from keras_resnet_recipes.recipe import BaseRecipe


def feeds(recipe: BaseRecipe) -> ModuleType:
    """Returns the module that reads a recipe's data and feeds its model: `host` or `device`, with the same names."""
    # Each imports what the other does without: threads and kernels, or operations of the backend.
    name = "device" if recipe.data_on_device else "host"
    return importlib.import_module(f"{__name__}.{name}")
