"""What a recipe is: a frozen value made of values. Nothing here imports Keras.

    Lamb, SGD, AdamW, RMSpropTF                      optimizers
    CategoricalCrossentropy, BinaryCrossentropy      losses
    EMA, Distillation, Test, ResNet9                 the EMA, a teacher, the evaluation, the network with settings

Augmentations are values of `krr.augment`, schedules of `krr.schedules`; any Keras optimizer, loss,
LearningRateSchedule or image layer is a value, too.
"""

from keras_resnet_recipes.number import UNPUBLISHED, number
from keras_resnet_recipes.part import Part
from keras_resnet_recipes.recipe.checks import check_complete as check_complete
from keras_resnet_recipes.recipe.distillation import Distillation
from keras_resnet_recipes.recipe.ema import EMA
from keras_resnet_recipes.recipe.keras_objects import (
    KerasLayer,
    KerasLoss,
    KerasOptimizer,
    KerasSchedule,
)
from keras_resnet_recipes.recipe.leave_one_out import leave_one_out
from keras_resnet_recipes.recipe.load import load_recipe
from keras_resnet_recipes.recipe.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss
from keras_resnet_recipes.recipe.networks import NetworkFunction, ResNet9
from keras_resnet_recipes.recipe.optimizers import SGD, AdamW, Lamb, Optimizer, RMSpropTF
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
    "BaseRecipe",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Comparison",
    "Distillation",
    "KerasLayer",
    "KerasLoss",
    "KerasOptimizer",
    "KerasSchedule",
    "Lamb",
    "Loss",
    "NetworkFunction",
    "Optimizer",
    "Part",
    "RMSpropTF",
    "ResNet9",
    "Source",
    "Test",
    "compare",
    "leave_one_out",
    "load_recipe",
    "number",
]
