"""Deterministic training, where the hardware allows it."""

import contextlib
import importlib
import random
from collections.abc import Iterator
from typing import Any

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


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Context manager: the seeds are those that `keras.utils.set_random_seed` sets; the caller's states are restored.

    Otherwise a search that draws learning rates, or initial weights, between two runs would draw the same ones after
    each. TensorFlow's own seed cannot be read, and stays.

    Args:
        seed: Integer from 0 to 2**32 - 1.
    """
    state = importlib.import_module("keras.src.backend.common.global_state")
    names = "global_random_seed", "global_seed_generator"
    ours = {name: state.get_global_attribute(name) for name in names}
    torch = importlib.import_module("torch") if keras.backend.backend() == "torch" else None
    before = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()
    _set_random_seed(seed, state, torch)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        if torch:
            torch.set_rng_state(before[2])
        for name, value in ours.items():
            state.set_global_attribute(name, value)


def _set_random_seed(seed: int, state: Any, torch: Any) -> None:
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    # Keras' function imports TensorFlow on every backend.
    state.set_global_attribute("global_random_seed", seed)
    # Keras creates it again from the seed.
    state.set_global_attribute("global_seed_generator", None)
    random.seed(seed)
    np.random.seed(seed)
    if torch:
        torch.manual_seed(seed)
