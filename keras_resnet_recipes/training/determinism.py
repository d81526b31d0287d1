"""The same numbers every time, where the hardware allows it."""

import contextlib
from collections.abc import Iterator

import keras

from keras_resnet_recipes import distribution


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Lets TensorFlow compute the same bits every time, on machines without a GPU or TPU.

    Op determinism stays on for the process, as TensorFlow has no way back. It is not enough: the
    graph optimizer turns a sum of three gradients, such as those that meet in front of a residual
    block, into additions in the order of their arrival. It rests while inside; a step of ResNet-20 is
    neither slower nor faster for it. Other backends are deterministic on the CPU by themselves.
    """
    if keras.backend.backend() != "tensorflow" or distribution.accelerators():
        yield
        return
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({**before, "disable_meta_optimizer": True})
    try:
        yield
    finally:
        # A dictionary without the key would leave it as it is.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})
