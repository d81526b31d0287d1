"""Augmentation inside a compiled program, as the speed run on CIFAR-10 needs it: images a second.

    KERAS_BACKEND=jax taskset -c 0 python benchmarks/device_augmentation.py
    KERAS_BACKEND=tensorflow taskset -c 0 python benchmarks/device_augmentation.py

Batches of 512 normalized images of 32x32, on one core; each image has draws of its own. The time is
that of the processor, so that other work on the machine counts little.
"""

import os
import time
from collections.abc import Callable

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_resnet_recipes import layers

BATCH, ROUNDS = 512, 30


def compiled(stack: list[keras.layers.Layer]) -> Callable[[], np.ndarray]:
    """A function without arguments that augments a batch and waits for it."""
    images = np.random.default_rng(0).normal(size=(BATCH, 32, 32, 3)).astype("float32")
    model = keras.Sequential([keras.Input(images.shape[1:]), *stack])
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        program = tf.function(lambda x: model(x, training=True), jit_compile=True)
        images = tf.constant(images)
        return lambda: program(images).numpy()
    import jax

    program = jax.jit(lambda state, x: model.stateless_call([], state, x, training=True))
    state, images = [v.value for v in model.non_trainable_variables], jax.numpy.asarray(images)

    def step() -> np.ndarray:
        nonlocal state
        outputs, state = program(state, images)
        return np.asarray(outputs)

    return step


def main() -> None:
    """Print a line for each layer and one for all three."""
    stacks = {
        "pad 4 and crop": [layers.PadAndCrop(4)],
        "flip": [layers.RandomFlip()],
        "cutout 8": [layers.Cutout(8)],
        "all three": [layers.PadAndCrop(4), layers.RandomFlip(), layers.Cutout(8)],
    }
    for name, stack in stacks.items():
        step = compiled(stack)
        first, second = step(), step()
        assert not np.array_equal(first, second)
        started = time.process_time()
        for _ in range(ROUNDS):
            step()
        seconds = (time.process_time() - started) / ROUNDS
        print(f"{keras.backend.backend()}  {name:15}{BATCH / seconds:12,.0f} images/s")


if __name__ == "__main__":
    main()
