"""The backend that a layer runs on: Keras' own, or TensorFlow inside `tf.data`."""

import functools
import importlib
from typing import Any


class _TensorFlow:
    """Keras' operations on TensorFlow tensors, whichever backend Keras runs on.

    `numpy` is TensorFlow's own module, because with JAX or torch Keras' would reduce double to single
    precision, so that images would depend on the backend. Both are imported on first use.
    """

    def __getattr__(self, name: str) -> Any:
        return _TensorFlowNumPy() if name == "numpy" else getattr(_keras_on_tensorflow(), name)


class _TensorFlowNumPy:
    def __getattr__(self, name: str) -> Any:
        tf = importlib.import_module("tensorflow")
        # In TensorFlow's NumPy module `round` needs methods of NumPy arrays, `arange` a static number,
        # and `sum` converts int32 to int64.
        own = {
            "round": tf.round,
            "arange": tf.range,
            "sum": tf.reduce_sum,
            "left_shift": tf.bitwise.left_shift,
            "right_shift": tf.bitwise.right_shift,
        }
        return own[name] if name in own else getattr(tf.experimental.numpy, name)


@functools.cache
def _keras_on_tensorflow() -> Any:
    return running_backend("tensorflow")


def running_backend(name: str | None = None) -> Any:
    """Returns the namespace of the current Keras backend, or of the backend of the given name."""
    return importlib.import_module("keras.src.utils.backend_utils").DynamicBackend(name)


TENSORFLOW = _TensorFlow()
"""Namespace used by layers inside `tf.data`."""
