"""The weights of the networks' goldens, which depend on the parameters' names alone."""

import re
import zlib

import numpy as np

from keras_resnet_recipes.applications.weights import set_timm_state, timm_state, timm_variables


def fill(model):
    """Sets every variable of `model` to the value of its timm counterpart in the goldens."""
    set_timm_state(model, named_state(model))


def fill_statistics(model):
    """Sets only the running means and variances to those values."""
    for name, variable in timm_variables(model).items():
        if "running" in name:
            variable.assign(value_of(name, variable.shape).astype("float32"))


def named_state(model):
    """Returns the state of the model's timm counterpart in the goldens."""
    return {
        name: value_of(name, array.shape)
        for name, array in timm_state(model).items()
        if not name.endswith("num_batches_tracked")
    }


def value_of(name, shape):
    """Returns a parameter of the goldens, drawn as by `fill` of golden/make_networks.py."""
    z = draw(name, shape)
    if name.endswith("running_var"):
        return np.exp(0.1 * z)
    if name.endswith((".bias", "running_mean")):
        return 0.1 * z
    if len(shape) == 1:
        return 1 + 0.1 * z
    return z * np.prod(shape[1:]) ** -0.5


def draw(name, shape):
    """Draws the standard normal numbers of the parameter `name`."""
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)


def timm_parameters(model):
    """Returns the trainable parameters in timm's order: `{torch name: (layer name, variable name)}`."""
    names = {id(variable): name for name, variable in timm_variables(model).items()}
    return {
        names[id(variable)]: (layer.name, variable.name)
        for layer in sorted(model.layers, key=_position)
        for variable in layer.trainable_variables
    }


def _position(layer):
    block = re.match(r"(layer\d+_\d+|blocks_\d+)_", layer.name)
    if block is None:
        return (layer.name == "fc",), False
    numbers = tuple(int(number) for number in re.findall(r"\d+", block[0]))
    return (False, *numbers), "_downsample_" in layer.name
