"""Residual networks with the call signature of `keras.applications`.

They are the networks of the published recipes: v1.5 (stride in the 3x3 convolution), symmetric
padding, layer names and initial values of timm, raw 0..255 RGB pixels in.
"""

from keras_resnet_recipes.applications.cifar import ResNet20
from keras_resnet_recipes.applications.resnet import (
    ResNet18,
    ResNet34,
    ResNet50,
    ResNet101,
    ResNet152,
)

__all__ = ["ResNet18", "ResNet20", "ResNet34", "ResNet50", "ResNet101", "ResNet152"]
