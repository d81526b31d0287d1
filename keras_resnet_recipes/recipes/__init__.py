"""What is trained and how: one class a published procedure, one file a paper."""

from keras_resnet_recipes.recipes.bag_of_tricks import BagOfTricks
from keras_resnet_recipes.recipes.base import Recipe
from keras_resnet_recipes.recipes.columns import COLUMNS, TABLE2
from keras_resnet_recipes.recipes.dawnbench import DAWNBench
from keras_resnet_recipes.recipes.loading import load_recipe
from keras_resnet_recipes.recipes.neighbours import DeiT, TorchVisionV2
from keras_resnet_recipes.recipes.original import He2015, He2015CIFAR
from keras_resnet_recipes.recipes.source import Source
from keras_resnet_recipes.recipes.strikes_back import A1, A2, A3
from keras_resnet_recipes.recipes.strikes_back_appendix import C1, C2, B, D
from keras_resnet_recipes.recipes.tables import Column, compare

RECIPES: dict[str, type[Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        A1,
        A2,
        A3,
        B,
        C1,
        C2,
        D,
        He2015,
        He2015CIFAR,
        BagOfTricks,
        DAWNBench,
        DeiT,
        TorchVisionV2,
    )
}

__all__ = [
    "A1",
    "A2",
    "A3",
    "C1",
    "C2",
    "COLUMNS",
    "RECIPES",
    "TABLE2",
    "B",
    "BagOfTricks",
    "Column",
    "D",
    "DAWNBench",
    "DeiT",
    "He2015",
    "He2015CIFAR",
    "Recipe",
    "Source",
    "TorchVisionV2",
    "compare",
    "load_recipe",
]
