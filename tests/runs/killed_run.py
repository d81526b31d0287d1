"""Trains a small network and kills the training repeatedly; run by test_kills.py.

    killed_run.py FOLDER KILLS

Each training is a separate process, forked after the import of TensorFlow, which takes longer than the training,
and before its first use. FOLDER/whole is the uninterrupted run, FOLDER/killed the run that is killed KILLS times.
Prints the phase of the program that each kill interrupted.
"""

import os
import random
import signal
import sys
import time
import traceback
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
    """A network with every kind of state: kernels, moving averages, random seeds."""
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


class ReportPhase(keras.callbacks.Callback):
    """Reports to the parent process whether the run trains or evaluates."""

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

    def reported_save(*arguments, **options):
        os.write(pipe, b"s")
        save(*arguments, **options)
        os.write(pipe, b"d")

    checkpoints.save = reported_save
    RECIPE.fit(
        (x, y),
        model=network(),
        validation_data=(x[:40], y[:40]),
        run_dir=folder,
        save_every_steps=2,
        callbacks=[ReportPhase(pipe)],
        verbose=0,
        seed=1,
    )


def start(folder):
    """Starts a training. Returns its process id and the pipe to which it reports its phase."""
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
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(pipe):
    """Waits for a few steps; the first takes seconds, because TensorFlow traces."""
    for _ in range(4):
        os.read(pipe, 1)


def main(folder, kills):
    folder, rng = Path(folder), random.Random(0)
    began = time.monotonic()
    child, pipe = start(folder / "whole")
    wait(pipe)
    first_steps = time.monotonic()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the whole run failed")
    startup, length = first_steps - began, time.monotonic() - first_steps
    phases = []
    for number in range(kills):
        child, pipe = start(folder / "killed")
        if number % 5 == 0:
            time.sleep(rng.uniform(0, startup))  # while it starts or restores
        else:
            wait(pipe)
            time.sleep(rng.uniform(0, length / kills))
        os.kill(child, signal.SIGKILL)
        if os.WIFEXITED(os.waitpid(child, 0)[1]):
            raise SystemExit(f"the run had ended before kill {number}")
        reports = os.read(pipe, 1 << 16)
        phases.append(
            {b"t": "step", b"e": "evaluation", b"s": "save", b"d": "step"}.get(
                reports[-1:], "start"
            )
        )
        os.close(pipe)
    child, pipe = start(folder / "killed")
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the last run failed")
    print(startup, length, " ".join(phases))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
