"""Learning rates as plain values: the rate of an epoch, or of an update.

    Cosine           warm-up and half a cosine (timm, torchvision, GluonCV)
    Step             divided at given epochs
    Exponential      multiplied every so many epochs, in a staircase
    PiecewiseLinear  straight lines between knots

Each is called with the epoch, so that `keras.callbacks.LearningRateScheduler` takes it, and gives
the same curve update by update with `per_update`. To divide when a metric no longer falls, as in
2015, is `keras.callbacks.ReduceLROnPlateau`, which a recipe's `schedule="plateau"` uses.
"""

from keras_resnet_recipes.schedules.cosine import Cosine
from keras_resnet_recipes.schedules.per_update import PerUpdate, Schedule
from keras_resnet_recipes.schedules.piecewise_linear import PiecewiseLinear
from keras_resnet_recipes.schedules.staircase import Exponential, Step

__all__ = [
    "Cosine",
    "Exponential",
    "PerUpdate",
    "PiecewiseLinear",
    "Schedule",
    "Step",
]
