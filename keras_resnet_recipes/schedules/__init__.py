"""Learning rate schedules as plain values, per epoch or per update.

    Cosine           linear warm-up and cosine decay (timm, torchvision, GluonCV)
    Step             multiplied by a factor at given epochs
    Exponential      multiplied at a fixed interval of epochs, as a staircase
    PiecewiseLinear  linear between knots
    Polynomial       linear warm-up, and decay by a power of the remaining time (FFCV)
    Plateau          multiplied when accuracy stops improving

Each is a function of the epoch, for `keras.callbacks.LearningRateScheduler`; `per_update` returns the same
curve as a function of the update.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
