"""Measures a training step on one device, with the repairs of this package and with stock Keras.

    python benchmarks/repairs.py --json RESULT

Two models of one network are trained in one process: one compiled as in `Recipe.fit`, with its LAMB and
repairs, and one with `keras.optimizers.Lamb` and Keras' accumulation. Both clip, and train on the same
batch in memory in turns of a few updates; the order changes each round. Ratios are
medians over the rounds of the repaired time divided by that of Keras, for CPU and wall time.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from conditions import conditions

import keras_resnet_recipes as krr
from keras_resnet_recipes import distribution
from keras_resnet_recipes.training import build

CLASSES = 10
CASES = (("ResNet20", 32, 64), ("ResNet18", 64, 32))


def repaired(recipe: krr.Recipe) -> keras.Model:
    """Returns the model as compiled by `Recipe.fit`."""
    return build.compiled(recipe, build.network(recipe), replicas=1, steps=1)


def stock(recipe: krr.Recipe) -> keras.Model:
    """Returns the same network with Keras' optimizer, clipping and accumulation."""
    model = build.network(recipe)
    accumulated = recipe.gradient_accumulation_steps
    optimizer = keras.optimizers.Lamb(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.gradient_clip,
        gradient_accumulation_steps=accumulated if accumulated > 1 else None,
    )
    model.compile(optimizer, build.loss(recipe), weighted_metrics=build.metrics(recipe))
    model.optimizer.build(model.trainable_variables)
    return model


def batches(recipe: krr.Recipe) -> tf.data.Dataset:
    """Repeats one batch of noise in memory."""
    rng = np.random.default_rng(0)
    count = recipe.batch_size // recipe.gradient_accumulation_steps
    images = rng.integers(0, 256, (count, recipe.train_size, recipe.train_size, 3), "uint8")
    targets = np.eye(CLASSES, dtype="float32")[rng.integers(0, CLASSES, count)]
    return tf.data.Dataset.from_tensors((images, targets)).repeat()


def timed(model: keras.Model, data: tf.data.Dataset, steps: int, own: bool) -> np.ndarray:
    """Returns the CPU and wall seconds of `steps` batches."""
    callbacks = [distribution.AveragedStatistics()] if own else []
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(data, steps_per_epoch=steps, callbacks=callbacks, verbose=0)
    return np.array([time.process_time() - cpu, time.perf_counter() - wall])


def compared(recipe: krr.Recipe, rounds: int, steps: int) -> dict[str, list[float]]:
    """Returns the CPU and wall time ratios of each round, and the CPU seconds per update of Keras."""
    data, models = batches(recipe), (repaired(recipe), stock(recipe))
    found: dict[str, list[float]] = {"cpu": [], "clock": [], "update_of_keras": []}
    for number in range(rounds + 1):
        times = {}
        for own in (True, False) if number % 2 else (False, True):
            model = models[0] if own else models[1]
            times[own] = timed(model, data, steps * recipe.gradient_accumulation_steps, own)
        if number:  # the first round includes tracing
            for name, ratio in zip(("cpu", "clock"), times[True] / times[False], strict=True):
                found[name].append(float(ratio))
            found["update_of_keras"].append(float(times[False][0]) / steps)
    return found


def table(results: dict[str, dict[str, list[float]]]) -> list[str]:
    """Returns a row per network and number of micro-batches."""
    lines = ["| | CPU time | range | wall time | CPU seconds per Keras update |"]
    lines.append("|---|---|---|---|---|")
    for name, found in results.items():
        cpu, clock, update = (statistics.median(values) for values in found.values())
        spread = f"{min(found['cpu']):.3f}-{max(found['cpu']):.3f}"
        lines.append(f"| {name} | {cpu:.3f} | {spread} | {clock:.3f} | {update:.2f} |")
    return lines


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="updates per turn")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    results: dict[str, Any] = {}
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
            name = f"{network}, {side} px, batch {count} in {accumulated}"
            results[name] = compared(recipe, options.rounds, options.steps)
    print("\n".join(table(results)))
    if options.json:
        record = {"conditions": conditions(), "results": results}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    main()
