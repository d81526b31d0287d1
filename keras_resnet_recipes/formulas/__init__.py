"""The arithmetic of augmentations that stand twice, in `augment` and as layers in `layers`.

Each function is written once, against the namespace of a Keras backend: `TENSORFLOW` in `augment`
and inside `tf.data`, that of the running backend inside a model. What they are given is drawn
elsewhere; nothing here is random.
"""

import functools
import importlib
from typing import Any

import numpy as np


class _TensorFlow:
    """Keras' operations on TensorFlow tensors, whichever backend Keras runs on.

    Those of `numpy` are TensorFlow's own: Keras' would turn double precision into single where Keras
    runs on JAX or torch, and an image would depend on that. Neither is imported before it is used.
    """

    def __getattr__(self, name: str) -> Any:
        return _NumPy() if name == "numpy" else getattr(_keras_on_tensorflow(), name)


class _NumPy:
    def __getattr__(self, name: str) -> Any:
        tf = importlib.import_module("tensorflow")
        # There `round` wants methods of NumPy's arrays, and `arange` a number that is known.
        own = {"round": tf.round, "arange": tf.range}
        return own[name] if name in own else getattr(tf.experimental.numpy, name)


@functools.cache
def _keras_on_tensorflow() -> Any:
    return running_backend("tensorflow")


def running_backend(name: str | None = None) -> Any:
    """The namespace of Keras' running backend, or of another one."""
    return importlib.import_module("keras.src.utils.backend_utils").DynamicBackend(name)


TENSORFLOW = _TensorFlow()
"""The namespace for `augment` and for layers inside `tf.data`."""


class _PlainNumPy:
    """The same operations on NumPy's arrays, in their own precision."""

    numpy = np
    shape = staticmethod(np.shape)
    convert_to_tensor = staticmethod(np.asarray)

    @staticmethod
    def cast(x: Any, dtype: str) -> np.ndarray:
        """The array in another type."""
        return np.asarray(x).astype(dtype)


NUMPY = _PlainNumPy()
"""The namespace for `augment`, on the CPU."""
