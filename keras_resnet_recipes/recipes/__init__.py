"""Published training recipes: one class per procedure, one file per paper."""

from keras_resnet_recipes.recipes.airbench import Airbench94
from keras_resnet_recipes.recipes.bag_of_tricks import BagOfTricks
from keras_resnet_recipes.recipes.dawnbench import DAWNBench
from keras_resnet_recipes.recipes.deit import DeiT
from keras_resnet_recipes.recipes.distillation import Distill
from keras_resnet_recipes.recipes.ffcv import FFCVResNet18, FFCVResNet50
from keras_resnet_recipes.recipes.original import He2015, He2015CIFAR
from keras_resnet_recipes.recipes.recipe import Recipe
from keras_resnet_recipes.recipes.strikes_back import A1, A2, A3
from keras_resnet_recipes.recipes.strikes_back_appendix import C1, C2, B, D
from keras_resnet_recipes.recipes.timm_recipe import from_timm
from keras_resnet_recipes.recipes.torchvision import TorchVisionV2
from keras_resnet_recipes.recipes.transfer import FineTune, LinearProbe

__all__ = [
    "A1",
    "A2",
    "A3",
    "C1",
    "C2",
    "RECIPES",
    "Airbench94",
    "B",
    "BagOfTricks",
    "D",
    "DAWNBench",
    "DeiT",
    "Distill",
    "FFCVResNet18",
    "FFCVResNet50",
    "FineTune",
    "He2015",
    "He2015CIFAR",
    "LinearProbe",
    "Recipe",
    "TorchVisionV2",
    "from_timm",
]

RECIPES: dict[str, type[Recipe]] = {
    name: value
    for name, value in sorted(globals().items())
    if isinstance(value, type) and issubclass(value, Recipe) and value is not Recipe
}
