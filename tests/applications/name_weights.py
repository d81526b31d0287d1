"""The weights behind models.npz, networks.npz and cifar_and_lr.npz: drawn from the parameters' names alone."""

import re
import zlib

import keras
import numpy as np


def fill(model, kind=keras.Layer):
    """Gives the variables of layers of this kind the values their timm counterparts have."""
    for layer in model.layers:
        values = torch_values(layer) if isinstance(layer, kind) else ()
        if values:
            layer.set_weights([from_torch(value) for value in values])


def torch_values(layer):
    """Values of a layer in torch's layout, in the order of the Keras layer's variables."""
    name = torch_name(layer)
    if isinstance(layer, keras.layers.Conv2D):
        height, width, channels, filters = layer.kernel.shape
        z = draw(f"{name}.weight", (filters, channels, height, width))
        kernel = z * (channels * height * width) ** -0.5
        return [kernel, 0.1 * draw(f"{name}.bias", (filters,))] if layer.use_bias else [kernel]
    if isinstance(layer, keras.layers.Conv1D):
        z = draw(f"{name}.weight", layer.kernel.shape[::-1])
        return [z * layer.kernel_size[0] ** -0.5]
    if isinstance(layer, keras.layers.Dense):
        features, classes = layer.kernel.shape
        kernel = draw(f"{name}.weight", (classes, features)) * features**-0.5
        return [kernel, 0.1 * draw(f"{name}.bias", (classes,))] if layer.use_bias else [kernel]
    if isinstance(layer, keras.layers.BatchNormalization):
        shape = tuple(layer.gamma.shape)
        return [
            1 + 0.1 * draw(f"{name}.weight", shape),
            0.1 * draw(f"{name}.bias", shape),
            0.1 * draw(f"{name}.running_mean", shape),
            np.exp(0.1 * draw(f"{name}.running_var", shape)),
        ]
    return []


def torch_name(layer):
    """Name of the layer in timm: `layer1.0.conv1` for our `layer1_0_conv1`."""
    return layer.name.replace("_", ".")


def draw(name, shape):
    """Standard normal numbers of the parameter `name`."""
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)


def from_torch(array):
    """Brings an array of a torch parameter into the layout of the Keras variable."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T


def timm_parameters(model):
    """Trainable parameters in timm's order: `{torch name: (layer name, variable name)}`."""
    layers = [layer for layer in model.layers if layer.trainable_variables]
    kinds = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
    return {
        f"{torch_name(layer)}.{kinds[variable.name]}": (layer.name, variable.name)
        for layer in sorted(layers, key=_position)
        for variable in layer.trainable_variables
    }


def _position(layer):
    block = re.match(r"(layer\d+_\d+|blocks_\d+)_", layer.name)
    if block is None:
        return (layer.name == "fc",), False
    numbers = tuple(int(number) for number in re.findall(r"\d+", block[0]))
    return (False, *numbers), "_downsample_" in layer.name
