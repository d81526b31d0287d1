"""Keras layers that Keras itself lacks."""

from keras_resnet_recipes.layers.stochastic_depth import StochasticDepth

__all__ = ["StochasticDepth"]
