"""Trains a tiny network with `Recipe.fit` as one of several hosts, or on one host with the same number of devices.

A separate program, because processes cannot join each other twice:

    python train_host.py FOLDER

The environment sets the hosts (KERAS_DISTRIBUTION_*) and the number of devices per host (XLA_FLAGS).
Several hosts are interrupted after an epoch and resume. Writes FOLDER/N.json and FOLDER/N.npz, where N is the
index of the host.
"""

import contextlib
import json
import sys
from pathlib import Path

import jax
import keras
import numpy as np

import keras_resnet_recipes as krr


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7),
        ]
    )


def images(n):
    rng = np.random.default_rng(n)
    return rng.integers(0, 256, (n, 16, 16, 3), "uint8"), np.arange(n) % 7


class Interruption(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise InterruptedError


def main(folder):
    krr.distribution.join_hosts()
    recipe = krr.A3(
        network="ResNet20",
        epochs=2,
        warmup_epochs=0,
        learning_rate=0.004,
        batch_size=32,
        train_size=16,
        test_size=16,
        rand_augment=None,
        gradient_clip=0.05,
        precision="float32",
    )
    start = network()
    before = flat(start)

    def fit(*callbacks):
        return recipe.fit(
            images(96),
            model=start,
            validation_data=images(45),
            run_dir=folder / "run",
            callbacks=callbacks,
            verbose=2,
        )

    if jax.process_count() > 1:
        with contextlib.suppress(InterruptedError):
            fit(Interruption())
    history = fit()
    model = history.model
    np.savez(folder / f"{jax.process_index()}.npz", before=before, after=flat(model))
    known = {
        "history": history.history,
        "epochs": history.epoch,
        "evaluation": recipe.evaluate(model, images(45), verbose=0),
        "devices": len(model.variables[0].value.sharding.device_set),
        "files": sorted(file.name for file in (folder / "run").iterdir()),
    }
    (folder / f"{jax.process_index()}.json").write_text(json.dumps(known))


def flat(model):
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
