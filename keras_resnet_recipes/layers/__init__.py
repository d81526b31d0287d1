"""Keras layers for networks and augmentation that Keras lacks or implements differently.

The augmentation layers are batched versions of the values in `krr.augment`. They run inside models,
compiled or not, on every backend, and in `dataset.map` under every backend.
"""

from keras_resnet_recipes.layers.batch_normalization import BatchNormalization
from keras_resnet_recipes.layers.bias import Bias
from keras_resnet_recipes.layers.blur_pool import BlurPool
from keras_resnet_recipes.layers.celu import CELU
from keras_resnet_recipes.layers.color import ColorJitter, Lighting
from keras_resnet_recipes.layers.crop import RandomResizedCrop, ScaleJitterCrop
from keras_resnet_recipes.layers.erasing import Cutout, RandomErasing
from keras_resnet_recipes.layers.geometry import PadAndCrop, RandomFlip
from keras_resnet_recipes.layers.ghost_batch_normalization import GhostBatchNormalization
from keras_resnet_recipes.layers.mixing import CutMix, MixUp, MixUpOrCutMix
from keras_resnet_recipes.layers.rand_augment import RandAugment
from keras_resnet_recipes.layers.stochastic_depth import StochasticDepth
from keras_resnet_recipes.layers.trivial_augment import TrivialAugmentWide

__all__ = [
    "CELU",
    "BatchNormalization",
    "Bias",
    "BlurPool",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "GhostBatchNormalization",
    "Lighting",
    "MixUp",
    "MixUpOrCutMix",
    "PadAndCrop",
    "RandAugment",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "ScaleJitterCrop",
    "StochasticDepth",
    "TrivialAugmentWide",
]
