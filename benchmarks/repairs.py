"""Time of a training step on one device, with this package's repairs and with Keras alone.

    python benchmarks/repairs.py --json RESULT

Two models of one network, in one process: compiled as `Recipe.fit` does, with its LAMB and its
repairs, and with `keras.optimizers.Lamb` and the accumulation of Keras. Both clip, and fit the same
batches from memory by turns, some updates at a time; who begins changes each round. Ratios are
medians over the rounds of the repaired time over that of Keras, CPU and wall.
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
    """The model as `Recipe.fit` compiles it."""
    return build.compiled(recipe, build.network(recipe), replicas=1, steps=1)


def stock(recipe: krr.Recipe) -> keras.Model:
    """The same network with Keras' own optimizer, clipping and accumulation."""
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


def compared(recipe: krr.Recipe, rounds: int, steps: int) -> dict[str, list[float]]:
    """Of each round the ratios by CPU time and by the clock, and the CPU-seconds of an update of Keras."""
    data, models = batches(recipe), (repaired(recipe), stock(recipe))
    found: dict[str, list[float]] = {"cpu": [], "clock": [], "update_of_keras": []}
    for number in range(rounds + 1):
        times = {}
        for own in (True, False) if number % 2 else (False, True):
            model = models[0] if own else models[1]
            times[own] = timed(model, data, steps * recipe.gradient_accumulation_steps, own)
        if number:  # the first round traces
            for name, ratio in zip(("cpu", "clock"), times[True] / times[False], strict=True):
                found[name].append(float(ratio))
            found["update_of_keras"].append(float(times[False][0]) / steps)
    return found


def table(results: dict[str, dict[str, list[float]]]) -> list[str]:
    """A line a network and number of accumulated batches."""
    lines = ["| | CPU time | range | by the clock | CPU-seconds of an update of Keras |"]
    lines.append("|---|---|---|---|---|")
    for name, found in results.items():
        cpu, clock, update = (statistics.median(values) for values in found.values())
        told = f"{min(found['cpu']):.3f}-{max(found['cpu']):.3f}"
        lines.append(f"| {name} | {cpu:.3f} | {told} | {clock:.3f} | {update:.2f} |")
    return lines


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4, help="updates of a turn")
    parser.add_argument("--json", type=Path, help="file for the figures")
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
