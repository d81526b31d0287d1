"""The same numbers every time, where the hardware allows it."""

import contextlib
import importlib
import random
from collections.abc import Iterator

import keras
import numpy as np

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


def set_random_seed(seed: int) -> None:
    """As `keras.utils.set_random_seed`, which imports TensorFlow on every backend, where it is installed.

    Args:
        seed: Whole number from 0 to 2**32 - 1.
    """
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    state = importlib.import_module("keras.src.backend.common.global_state")
    state.set_global_attribute("global_random_seed", seed)
    # It is made anew from the seed.
    state.set_global_attribute("global_seed_generator", None)
    random.seed(seed)
    np.random.seed(seed)
    if keras.backend.backend() == "torch":
        importlib.import_module("torch").manual_seed(seed)
