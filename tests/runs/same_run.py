"""What is the same in two runs of one seed."""

from keras_resnet_recipes.runs.progress import TIMES


def without_times(logs):
    """Logs that the seed decides."""
    return {name: values for name, values in logs.items() if name not in TIMES}
