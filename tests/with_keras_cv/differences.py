"""What keras-cv's and Keras' own layers do otherwise: the figures of docs/moving.md.

python -m tests.with_keras_cv.differences
"""

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import keras_resnet_recipes as krr

SIZE, BATCH, BATCHES = 64, 16, 30
SPEED_SIZE, SPEED_BATCH, SPEED_BATCHES = 160, 32, 6


def label_errors(layer: keras.Layer) -> tuple[float, float, float]:
    """Returns the difference of a label's weight and its class's fraction of the image, mean and largest.

    Every image of a batch has one value, 255 or 0 in turn, and a class of its own, so that the
    mean of a mixed image is the fraction of each kind. The third is the number of different
    weights in a batch.
    """
    images = np.zeros((BATCH, SIZE, SIZE, 3), "float32")
    images[::2] = 255.0
    labels = np.eye(2, dtype="float32")[np.arange(BATCH) % 2]
    errors, weights = [], []
    for _ in range(BATCHES):
        tensors = {"images": tf.constant(images), "labels": tf.constant(labels)}
        mixed = layer(tensors, training=True)
        share = np.mean(mixed["images"], axis=(1, 2, 3)) / 255.0
        own = np.asarray(mixed["labels"])[:, 0]
        errors.extend(np.abs(own - share))
        weights.append(len({round(float(weight), 5) for weight in np.minimum(own, 1 - own)}))
    return float(np.mean(errors)), float(np.max(errors)), float(np.mean(weights))


def images_per_second(layer: Any) -> float:
    """Of batches in tf.data, the best of three rounds."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (SPEED_BATCH, SPEED_SIZE, SPEED_SIZE, 3)).astype("float32")
    data = tf.data.Dataset.from_tensors(images).repeat()
    made = iter(data.map(lambda batch: layer(batch, training=True)))
    next(made)
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(SPEED_BATCHES):
            next(made)
        rounds.append(SPEED_BATCHES * SPEED_BATCH / (time.perf_counter() - start))
    return max(rounds)


def main() -> None:
    """Prints both tables."""
    import keras_cv

    theirs = keras_cv.layers
    mixing = {
        "keras_cv.layers.CutMix(1.0)": theirs.CutMix(1.0, seed=1),
        "keras.layers.CutMix(1.0)": keras.layers.CutMix(1.0, seed=1),
        "krr.layers.CutMix(1.0)": krr.layers.CutMix(1.0, seed=1),
        "keras_cv.layers.MixUp(0.2)": theirs.MixUp(0.2, seed=1),
        "keras.layers.MixUp(0.2)": keras.layers.MixUp(0.2, seed=1),
        "krr.layers.MixUp(0.2)": krr.layers.MixUp(0.2, seed=1),
    }
    print("| layer | label's weight - fraction of the image: mean | largest | weights per batch |")
    print("|---|---|---|---|")
    for name, layer in mixing.items():
        mean, largest, weights = label_errors(layer)
        print(f"| `{name}` | {mean:.3f} | {largest:.3f} | {weights:.1f} |")
    speed = {
        "keras_cv.layers.RandAugment": theirs.RandAugment((0, 255), 2, seed=1),
        "keras.layers.RandAugment": keras.layers.RandAugment((0, 255), 2, seed=1),
        "krr.layers.RandAugment": krr.layers.RandAugment(magnitude=7.0, std=0.5, seed=1),
    }
    print("\n| layer | images per second |")
    print("|---|---|")
    for name, layer in speed.items():
        print(f"| `{name}` | {images_per_second(layer):.0f} |")


if __name__ == "__main__":
    main()
