"""Comparison of two runs with the same seed."""

import keras

from keras_resnet_recipes.runs.progress import TIMES


def without_times(logs):
    """Returns the logs without durations and speeds, which differ between runs."""
    return {name: values for name, values in logs.items() if name not in TIMES}


class StoppedError(Exception):
    pass


class StopAt(keras.callbacks.Callback):
    """Raises StoppedError before a batch of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.position, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.position:
            raise StoppedError
