"""Augmentations as frozen values with explicit seeds, for `tf.data` and for eager TensorFlow.

An augmentation of one image is called with the image and a seed, one of a batch with images,
labels and a seed. The same seed gives the same picture.
"""

from keras_resnet_recipes.augment import operations
from keras_resnet_recipes.augment.augmentation import Augmentation as Augmentation
from keras_resnet_recipes.augment.crop import CenterCrop, RandomResizedCrop
from keras_resnet_recipes.augment.erasing import Cutout, RandomErasing
from keras_resnet_recipes.augment.flip import RandomFlip
from keras_resnet_recipes.augment.mix import CutMix, MixUp, MixUpOrCutMix, cutmix, mixup, one_hot
from keras_resnet_recipes.augment.pad_and_crop import PadAndCrop
from keras_resnet_recipes.augment.rand_augment import RandAugment
from keras_resnet_recipes.augment.repeat import repeat_order
from keras_resnet_recipes.augment.resize import resize

__all__ = [
    "CenterCrop",
    "CutMix",
    "Cutout",
    "MixUp",
    "MixUpOrCutMix",
    "PadAndCrop",
    "RandAugment",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "cutmix",
    "mixup",
    "one_hot",
    "operations",
    "repeat_order",
    "resize",
]
