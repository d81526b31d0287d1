"""Optimizers of the recipes that Keras implements differently.

    Lamb        trust ratio for decayed kernels only, clipping by global norm
    SGD         weight decay in the gradient; torch's velocity or Caffe's
    RMSpropTF   average of squares starts at 1, as in TensorFlow 1
    AdamW       epsilon added to the bias-corrected root, as in torch
    Muon        orthogonalized steps, for convolutions too
    Lars        steps proportional to the norms of the weights

`MultiOptimizer` gives variables different ones; `exclude_from_decay` selects those that an optimizer decays.
"""

from keras_resnet_recipes.optimizers.adamw import AdamW
from keras_resnet_recipes.optimizers.decay import exclude_from_decay
from keras_resnet_recipes.optimizers.lamb import Lamb
from keras_resnet_recipes.optimizers.lars import Lars
from keras_resnet_recipes.optimizers.multi_optimizer import MultiOptimizer
from keras_resnet_recipes.optimizers.muon import Muon
from keras_resnet_recipes.optimizers.rmsprop_tf import RMSpropTF
from keras_resnet_recipes.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "AdamW",
    "Lamb",
    "Lars",
    "MultiOptimizer",
    "Muon",
    "RMSpropTF",
    "exclude_from_decay",
]
