"""Deterministic training, where the hardware allows it."""

import contextlib
import importlib
import random
from collections.abc import Iterator

import keras
import numpy as np

from keras_resnet_recipes import distribution


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Context manager: TensorFlow computes the same bits every time, on machines without a GPU or TPU.

    Op determinism stays on for the process; TensorFlow cannot turn it off. It is not enough: the
    graph optimizer turns a sum of three gradients, such as those before a residual
    block, into additions in the order of their arrival. It is disabled inside; a step of ResNet-20 takes the
    same time without it. Other backends are deterministic on the CPU.
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
        # A dictionary without the key would leave it disabled.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


def set_random_seed(seed: int) -> None:
    """Sets the seeds that `keras.utils.set_random_seed` sets, which imports TensorFlow on every backend.

    Args:
        seed: Integer from 0 to 2**32 - 1.
    """
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    state = importlib.import_module("keras.src.backend.common.global_state")
    state.set_global_attribute("global_random_seed", seed)
    # Keras creates it again from the seed.
    state.set_global_attribute("global_seed_generator", None)
    random.seed(seed)
    np.random.seed(seed)
    if keras.backend.backend() == "torch":
        importlib.import_module("torch").manual_seed(seed)
