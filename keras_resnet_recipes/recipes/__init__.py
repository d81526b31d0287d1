"""What is trained and how: one class a published procedure, one file a paper."""

from keras_resnet_recipes.recipes.bag_of_tricks import BagOfTricks
from keras_resnet_recipes.recipes.base import Recipe
from keras_resnet_recipes.recipes.dawnbench import DAWNBench
from keras_resnet_recipes.recipes.distillation import Distill
from keras_resnet_recipes.recipes.loading import load_recipe
from keras_resnet_recipes.recipes.neighbours import DeiT, TorchVisionV2
from keras_resnet_recipes.recipes.original import He2015, He2015CIFAR
from keras_resnet_recipes.recipes.source import Source
from keras_resnet_recipes.recipes.strikes_back import A1, A2, A3
from keras_resnet_recipes.recipes.strikes_back_appendix import C1, C2, B, D
from keras_resnet_recipes.recipes.tables import compare
from keras_resnet_recipes.recipes.timm_recipe import from_timm
from keras_resnet_recipes.recipes.transfer import FineTune, LinearProbe

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
        Distill,
        FineTune,
        LinearProbe,
    )
}

__all__ = [
    "A1",
    "A2",
    "A3",
    "C1",
    "C2",
    "RECIPES",
    "B",
    "BagOfTricks",
    "D",
    "DAWNBench",
    "DeiT",
    "Distill",
    "FineTune",
    "He2015",
    "He2015CIFAR",
    "LinearProbe",
    "Recipe",
    "Source",
    "TorchVisionV2",
    "compare",
    "from_timm",
    "load_recipe",
]
