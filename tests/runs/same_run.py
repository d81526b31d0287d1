"""Comparison of two runs with the same seed."""

from keras_resnet_recipes.runs.progress import TIMES


def without_times(logs):
    """Returns the logs without durations and speeds, which differ between runs."""
    return {name: values for name, values in logs.items() if name not in TIMES}
