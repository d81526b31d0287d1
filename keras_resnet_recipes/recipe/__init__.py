"""Recipes as frozen values, and the parts they consist of. Nothing here imports Keras.

    Lamb, SGD, AdamW, RMSpropTF, Muon, Lars          optimizers
    Group                                            variables with rates or an optimizer of their own
    CategoricalCrossentropy, BinaryCrossentropy      losses
    EMA, Distillation, Test                          EMA of the weights, distillation, evaluation
    ResNet9, AirbenchNet, Initialization             configurable networks, initial weights
    ProgressiveSize                                  smaller training images first

Augmentations are in `krr.augment`, schedules in `krr.schedules`. Any Keras optimizer, loss,
LearningRateSchedule or image layer can be used as well.
"""

from keras_resnet_recipes.number import UNPUBLISHED, number
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.checks import check_complete as check_complete
from keras_resnet_recipes.recipe.distillation import Distillation
from keras_resnet_recipes.recipe.ema import EMA
from keras_resnet_recipes.recipe.groups import Group
from keras_resnet_recipes.recipe.groups import grouped_optimizer as grouped_optimizer
from keras_resnet_recipes.recipe.initialization import Initialization
from keras_resnet_recipes.recipe.keras_objects import (
    KerasLayer,
    KerasLoss,
    KerasOptimizer,
    KerasSchedule,
)
from keras_resnet_recipes.recipe.leave_one_out import leave_one_out
from keras_resnet_recipes.recipe.load import load_recipe
from keras_resnet_recipes.recipe.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss
from keras_resnet_recipes.recipe.misfits import misfits as misfits
from keras_resnet_recipes.recipe.networks import AirbenchNet, NetworkFunction, ResNet9
from keras_resnet_recipes.recipe.optimizers import (
    SGD,
    AdamW,
    Lamb,
    Lars,
    Muon,
    Optimizer,
    RMSpropTF,
)
from keras_resnet_recipes.recipe.progressive_size import ProgressiveSize
from keras_resnet_recipes.recipe.recipe import BaseRecipe
from keras_resnet_recipes.recipe.source import Source
from keras_resnet_recipes.recipe.table import Comparison, compare
from keras_resnet_recipes.recipe.table import table as table
from keras_resnet_recipes.recipe.table import table_rows as table_rows
from keras_resnet_recipes.recipe.test import Test

__all__ = [
    "EMA",
    "SGD",
    "UNPUBLISHED",
    "AdamW",
    "AirbenchNet",
    "BaseRecipe",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Comparison",
    "Distillation",
    "Group",
    "Initialization",
    "KerasLayer",
    "KerasLoss",
    "KerasOptimizer",
    "KerasSchedule",
    "Lamb",
    "Lars",
    "Loss",
    "Muon",
    "NetworkFunction",
    "Optimizer",
    "Part",
    "ProgressiveSize",
    "RMSpropTF",
    "ResNet9",
    "Source",
    "Test",
    "compare",
    "leave_one_out",
    "load_recipe",
    "number",
]
