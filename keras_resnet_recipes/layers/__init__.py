"""Keras layers that Keras itself lacks, or has otherwise: of networks, and augmentations.

Augmentations are for `dataset.map` under every backend and, but for RandAugment and
RandomResizedCrop, for the inside of a model.
"""

from keras_resnet_recipes.layers.batch_normalization import BatchNormalization
from keras_resnet_recipes.layers.celu import CELU
from keras_resnet_recipes.layers.erasing import Cutout, RandomErasing
from keras_resnet_recipes.layers.geometry import PadAndCrop, RandomFlip
from keras_resnet_recipes.layers.ghost_batch_normalization import GhostBatchNormalization
from keras_resnet_recipes.layers.mixing import CutMix, MixUp, MixUpOrCutMix
from keras_resnet_recipes.layers.stochastic_depth import StochasticDepth
from keras_resnet_recipes.layers.tensorflow_layers import RandAugment, RandomResizedCrop

__all__ = [
    "CELU",
    "BatchNormalization",
    "CutMix",
    "Cutout",
    "GhostBatchNormalization",
    "MixUp",
    "MixUpOrCutMix",
    "PadAndCrop",
    "RandAugment",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "StochasticDepth",
]
