"""The ten updates of lamb.npz, used by all optimizers of the golden files."""

import keras
import numpy as np
from keras import ops

NAMES = ("conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias")
UNDECAYED = ("bn_weight", "bias")  # patterns in their paths
STEPS = 10

# Ten float32 updates of numbers around 1, each rounded to 6e-8 there and by Keras.
FLOAT32_TOLERANCE = 1e-6
# The same in float64, where one rounding is 1e-16; JAX has only float32, and Keras' clipping uses it on torch
# (keras.ops.minimum of a float64 tensor and a number).
WIDEST = "float64" if keras.backend.backend() == "tensorflow" else "float32"
WIDEST_TOLERANCE = {"float32": FLOAT32_TOLERANCE, "float64": 1e-12}[WIDEST]


def start(g, dtype="float32"):
    """Returns the initial values as Keras variables; whole-tensor norms do not depend on the layout."""
    return [keras.Variable(g[f"p0/{n}"], dtype=dtype, name=n.replace(".", "_")) for n in NAMES]


def gradients(g, step, dtype="float32"):
    return [ops.convert_to_tensor(g[f"grad/{n}"][step], dtype) for n in NAMES]


def constant(rate, dtype):
    """Returns a learning rate in full precision, because the one that Keras stores is float32."""
    return lambda: ops.convert_to_tensor(rate, dtype)


def largest_deviation(optimizer, g, expected, dtype, rates=None):
    """Returns the largest deviation from `expected(name)`, the values of a variable after each step."""
    variables, deviation = start(g, dtype), 0.0
    for step in range(STEPS):
        if rates is not None:
            optimizer.learning_rate = rates[step]
        optimizer.apply(gradients(g, step, dtype), variables)
        for name, variable in zip(NAMES, variables, strict=True):
            difference = np.abs(ops.convert_to_numpy(variable) - expected(name)[step])
            deviation = max(deviation, float(difference.max()))
    return deviation
