"""Trains a small network, and kills the training again and again; run by test_kills.py.

    killed_run.py FOLDER KILLS

Each training is a process of its own, forked where TensorFlow is imported and not yet in use, as its
import takes longer than the training. FOLDER/whole is the run that nobody kills; FOLDER/killed the one
that is killed KILLS times. Prints in which part of the program each kill struck.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ.update(KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import numpy as np

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs import checkpoints

RECIPE = krr.A3(
    classes=2,
    epochs=10,
    warmup_epochs=1,
    batch_size=8,
    train_size=8,
    test_size=8,
    rand_augment=None,
)


def network():
    """With everything that has a state: kernels, running averages, random seeds."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, padding="same"),
            keras.layers.BatchNormalization(),
            krr.layers.StochasticDepth(0.2),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2),
        ]
    )


class Doing(keras.callbacks.Callback):
    """Tells the parent process what the training does: evaluating or not."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def on_train_batch_begin(self, batch, logs=None):
        os.write(self.pipe, b"t")

    def on_test_batch_begin(self, batch, logs=None):
        os.write(self.pipe, b"e")


def train(folder, pipe):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (160, 8, 8, 3)).astype("uint8")
    y = np.arange(160) % 2
    keras.utils.set_random_seed(0)
    save = checkpoints.save

    def told(*arguments, **options):
        os.write(pipe, b"s")
        save(*arguments, **options)
        os.write(pipe, b"d")

    checkpoints.save = told
    RECIPE.fit(
        (x, y),
        model=network(),
        validation_data=(x[:40], y[:40]),
        run_dir=folder,
        save_every_steps=2,
        callbacks=[Doing(pipe)],
        verbose=0,
        seed=1,
    )


def started(folder):
    """Process id of a new training, and the pipe in which it tells what it does."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    status = 1
    try:
        os.close(read)
        train(folder, write)
        status = 0
    finally:
        os._exit(status)


def wait(pipe):
    """Until some steps are done: the first takes seconds, in which TensorFlow makes its graphs."""
    for _ in range(4):
        os.read(pipe, 1)


def main(folder, kills):
    folder, rng = Path(folder), random.Random(0)
    begun = time.monotonic()
    child, pipe = started(folder / "whole")
    wait(pipe)
    first = time.monotonic()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the whole run failed")
    startup, length = first - begun, time.monotonic() - first
    struck = []
    for number in range(kills):
        child, pipe = started(folder / "killed")
        if number % 5 == 0:
            time.sleep(rng.uniform(0, startup))  # while it starts, or restores
        else:
            wait(pipe)
            time.sleep(rng.uniform(0, length / kills))
        os.kill(child, signal.SIGKILL)
        if os.WIFEXITED(os.waitpid(child, 0)[1]):
            raise SystemExit(f"the run was not alive any more at kill {number}")
        told = os.read(pipe, 1 << 16)
        struck.append(
            {b"t": "step", b"e": "evaluation", b"s": "save", b"d": "step"}.get(told[-1:], "start")
        )
        os.close(pipe)
    child, pipe = started(folder / "killed")
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the last run failed")
    print(startup, length, " ".join(struck))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
