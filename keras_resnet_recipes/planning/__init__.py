"""What a training will take, before it begins: updates, hours and memory."""

from keras_resnet_recipes.planning.plan import Plan, plan

__all__ = ["Plan", "plan"]
