"""Learning rates as plain values: the rate of an epoch, or of an update.

    Cosine           warm-up and half a cosine (timm, torchvision, GluonCV)
    Step             multiplied by a factor at given epochs
    Exponential      multiplied every so many epochs, in a staircase
    PiecewiseLinear  straight lines between knots
    Plateau          multiplied when accuracy no longer rises

Each is called with the epoch, so that `keras.callbacks.LearningRateScheduler` takes it, and gives
the same curve update by update with `per_update`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
