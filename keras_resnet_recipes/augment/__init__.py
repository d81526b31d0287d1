"""Augmentations as frozen values with explicit generators, on NumPy.

An augmentation of an image is called with the image and a generator; an augmentation of a batch, with
images, labels and a generator. The same generator state gives the same result. `krr.layers` has the
same augmentations for batches on a device.
"""

from keras_resnet_recipes.augment import operations
from keras_resnet_recipes.augment.augmentation import Augmentation as Augmentation
from keras_resnet_recipes.augment.color_jitter import ColorJitter
from keras_resnet_recipes.augment.crop import CenterCrop, RandomResizedCrop
from keras_resnet_recipes.augment.erasing import Cutout, RandomErasing
from keras_resnet_recipes.augment.flip import RandomFlip
from keras_resnet_recipes.augment.lighting import Lighting
from keras_resnet_recipes.augment.mix import CutMix, MixUp, MixUpOrCutMix
from keras_resnet_recipes.augment.mix import Mix as Mix
from keras_resnet_recipes.augment.mixture import cutmix, mixup
from keras_resnet_recipes.augment.pad_and_crop import PadAndCrop
from keras_resnet_recipes.augment.rand_augment import RandAugment
from keras_resnet_recipes.augment.repeat import repeat_order
from keras_resnet_recipes.augment.resize import resize
from keras_resnet_recipes.augment.scale_jitter_crop import ScaleJitterCrop
from keras_resnet_recipes.augment.targets import one_hot
from keras_resnet_recipes.augment.trivial_augment import TrivialAugmentWide
from keras_resnet_recipes.augment.views import TenCrop, resize_shorter_edge, resize_to_scales

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "Lighting",
    "MixUp",
    "MixUpOrCutMix",
    "PadAndCrop",
    "RandAugment",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "ScaleJitterCrop",
    "TenCrop",
    "TrivialAugmentWide",
    "cutmix",
    "mixup",
    "one_hot",
    "operations",
    "repeat_order",
    "resize",
    "resize_shorter_edge",
    "resize_to_scales",
]
