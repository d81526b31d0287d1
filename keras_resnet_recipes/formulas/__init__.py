"""The arithmetic of augmentations that stand twice, in `augment` and as layers in `layers`.

Each function is written once, against the namespace of a Keras backend: `TENSORFLOW` in `augment`
and inside `tf.data`, that of the running backend inside a model. What they are given is drawn
elsewhere; nothing here is random.
"""

from typing import Any

from keras.src.utils.backend_utils import DynamicBackend


class _TensorFlow(DynamicBackend):
    """Keras' operations on TensorFlow tensors, whichever backend Keras runs on.

    Those of `numpy` are TensorFlow's own: Keras' would turn double precision into single where Keras
    runs on JAX or torch, and a picture would depend on that.
    """

    def __init__(self) -> None:
        super().__init__("tensorflow")

    def __getattr__(self, name: str) -> Any:
        return _NumPy() if name == "numpy" else super().__getattr__(name)


class _NumPy:
    def __getattr__(self, name: str) -> Any:
        import tensorflow as tf

        # There `round` wants methods of NumPy's arrays, and `arange` a number that is known.
        own = {"round": tf.round, "arange": tf.range}
        return own[name] if name in own else getattr(tf.experimental.numpy, name)


TENSORFLOW = _TensorFlow()
"""The namespace for `augment` and for layers inside `tf.data`."""
