"""Optimizers of the recipes where Keras' own computes something else.

    Lamb        trust ratio on decayed kernels only, clipped as a whole
    SGD         the decay is part of the gradient; torch's velocity or Caffe's
    RMSpropTF   the average square starts at 1, as in TensorFlow 1
    AdamW       epsilon next to the bias-corrected root, as in torch

`exclude_from_decay` says which variables of a model an optimizer decays.
"""

from keras_resnet_recipes.optimizers.adamw import AdamW
from keras_resnet_recipes.optimizers.decay import exclude_from_decay
from keras_resnet_recipes.optimizers.lamb import Lamb
from keras_resnet_recipes.optimizers.rmsprop_tf import RMSpropTF
from keras_resnet_recipes.optimizers.sgd import SGD

__all__ = ["SGD", "AdamW", "Lamb", "RMSpropTF", "exclude_from_decay"]
