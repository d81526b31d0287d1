"""Cost estimates of a training: number of updates, hours and memory."""

from keras_resnet_recipes.planning.plan import Plan, plan

__all__ = ["Plan", "plan"]
