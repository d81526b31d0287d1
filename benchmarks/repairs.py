"""Time of a training step on one device, with this package's repairs and with Keras alone.

    python benchmarks/repairs.py [ROUNDS [STEPS]]

Two models of one network, in one process: compiled as `Recipe.fit` does, with its LAMB and its
repairs, and with `keras.optimizers.Lamb` and the accumulation of Keras. Both clip, and fit the same
batches from memory by turns, STEPS updates (5) at a time, in ROUNDS (7) rounds; who begins changes each round.
Printed is the median over the rounds of the repaired time over that of Keras, CPU and wall.
"""

import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes import distribution
from keras_resnet_recipes.training import parts

CLASSES = 10
CASES = (("ResNet20", 32, 64), ("ResNet18", 64, 32))


def repaired(recipe: krr.Recipe) -> keras.Model:
    """The model as `Recipe.fit` compiles it."""
    return parts.compiled(recipe, parts.network(recipe), replicas=1, steps=1)


def stock(recipe: krr.Recipe) -> keras.Model:
    """The same network with Keras' own optimizer, clipping and accumulation."""
    model = parts.network(recipe)
    accumulated = recipe.gradient_accumulation_steps
    optimizer = keras.optimizers.Lamb(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.gradient_clip,
        gradient_accumulation_steps=accumulated if accumulated > 1 else None,
    )
    model.compile(optimizer, parts.loss(recipe), weighted_metrics=parts.metrics(recipe))
    model.optimizer.build(model.trainable_variables)
    return model


def batches(recipe: krr.Recipe) -> tf.data.Dataset:
    """One batch of noise from memory, again and again."""
    rng = np.random.default_rng(0)
    count = recipe.batch_size // recipe.gradient_accumulation_steps
    images = rng.integers(0, 256, (count, recipe.train_size, recipe.train_size, 3), "uint8")
    targets = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, count)]
    return tf.data.Dataset.from_tensors((images, targets)).repeat()


def timed(model: keras.Model, data: tf.data.Dataset, steps: int, own: bool) -> np.ndarray:
    """Seconds of CPU and of the clock for so many batches."""
    callbacks = [distribution.AveragedStatistics()] if own else []
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(data, steps_per_epoch=steps, callbacks=callbacks, verbose=0)
    return np.array([time.process_time() - cpu, time.perf_counter() - wall])


def main(rounds: int = 7, steps: int = 5) -> None:
    """Prints a line a network and number of accumulated batches."""
    for network, side, count in CASES:
        for accumulated in (1, 2):
            recipe = krr.A3(
                network=network,
                classes=CLASSES,
                train_size=side,
                batch_size=count,
                gradient_accumulation_steps=accumulated,
                precision="float32",
            )
            data, models = batches(recipe), (repaired(recipe), stock(recipe))
            ratios, updates = [], []
            for number in range(rounds + 1):
                times = {}
                for own in (True, False) if number % 2 else (False, True):
                    model = models[0] if own else models[1]
                    times[own] = timed(model, data, steps * accumulated, own)
                if number:  # the first round traces
                    ratios.append(times[True] / times[False])
                    updates.append(times[False] / steps)
            each = np.array(ratios)
            cpu, wall = (statistics.median(column) for column in each.T)
            print(
                f"{network} {side} px, batch {count} in {accumulated}: "
                f"CPU {cpu:.3f} ({each[:, 0].min():.3f} to {each[:, 0].max():.3f}), "
                f"wall {wall:.3f} ({each[:, 1].min():.3f} to {each[:, 1].max():.3f}); "
                f"an update of Keras {np.median(updates, axis=0)[0]:.2f} CPU-seconds",
                flush=True,
            )


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    main(*map(int, sys.argv[1:]))
