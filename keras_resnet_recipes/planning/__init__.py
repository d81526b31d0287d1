"""What a training will take, before it begins: updates and hours, processors, disks and networks."""

from keras_resnet_recipes.planning.plan import Plan, plan
from keras_resnet_recipes.planning.scale import Host, Needs, Scale, scale

__all__ = ["Host", "Needs", "Plan", "Scale", "plan", "scale"]
