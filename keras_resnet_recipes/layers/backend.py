"""The backend that a layer computes with: Keras' own, or TensorFlow inside `tf.data`."""

import functools
import importlib
from typing import Any


class _TensorFlow:
    """Keras' operations on TensorFlow tensors, whichever backend Keras runs on.

    Those of `numpy` are TensorFlow's own: Keras' would turn double precision into single where Keras
    runs on JAX or torch, and an image would depend on that. Neither is imported before it is used.
    """

    def __getattr__(self, name: str) -> Any:
        return _TensorFlowNumPy() if name == "numpy" else getattr(_keras_on_tensorflow(), name)


class _TensorFlowNumPy:
    def __getattr__(self, name: str) -> Any:
        tf = importlib.import_module("tensorflow")
        # There `round` wants methods of NumPy's arrays, `arange` a number that is known, and `sum`
        # turns int32 into int64.
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
    """The namespace of Keras' running backend, or of another one."""
    return importlib.import_module("keras.src.utils.backend_utils").DynamicBackend(name)


TENSORFLOW = _TensorFlow()
"""The namespace for layers inside `tf.data`."""
