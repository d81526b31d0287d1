"""Losses of the recipes that Keras implements differently or lacks."""

from keras_resnet_recipes.losses.binary_crossentropy import BinaryCrossentropy
from keras_resnet_recipes.losses.distillation import DistillationLoss

__all__ = ["BinaryCrossentropy", "DistillationLoss"]
