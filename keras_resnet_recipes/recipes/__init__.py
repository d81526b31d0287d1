"""What is trained and how: one class a published procedure, one file a paper."""

from keras_resnet_recipes.recipes.base import Recipe
from keras_resnet_recipes.recipes.loading import load_recipe
from keras_resnet_recipes.recipes.source import Source
from keras_resnet_recipes.recipes.strikes_back import A1, A2, A3
from keras_resnet_recipes.recipes.tables import compare

RECIPES: dict[str, type[Recipe]] = {"A1": A1, "A2": A2, "A3": A3}

__all__ = ["A1", "A2", "A3", "RECIPES", "Recipe", "Source", "compare", "load_recipe"]
