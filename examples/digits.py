"""Trains A3, shrunk openly, on scikit-learn's handwritten digits: no download, a few minutes on two cores.

    python examples/digits.py [--seed 0] [--run-dir runs/digits-0]

The digits are 1797 scans of 8 x 8 pixels. A quarter, drawn evenly over the classes, is held out; the
network never sees it, and no epoch is chosen by it: the last weights are what is measured.
"""

import argparse
import time

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_resnet_recipes as krr

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--seed", type=int, default=0, help="seed of weights, order and augmentation")
parser.add_argument("--run-dir", help="default: runs/digits-SEED")
options = parser.parse_args()
run_dir = options.run_dir or f"runs/digits-{options.seed}"

digits = load_digits()
# At 32 pixels a random crop can begin anywhere, at 8 only at every fourth of a stroke.
scans = np.repeat(digits.images[..., None] * (255 / 16), 3, axis=-1)
images = np.asarray(keras.ops.image.resize(scans, (32, 32), interpolation="bicubic"))
images = np.clip(np.rint(images), 0, 255).astype("uint8")
train_x, test_x, train_y, test_y = train_test_split(
    images, digits.target, test_size=0.25, stratify=digits.target, random_state=0
)

recipe = krr.A3(
    network="ResNet20",
    train_size=32,
    test_size=32,
    epochs=30,
    batch_size=64,
    learning_rate=4e-3,
    crop_scale=(0.5, 1.0),  # eight per cent of a digit is a stroke
    random_flip=None,  # mirrored digits are other digits
)
print(recipe)
print(f"\n{len(train_y)} digits to train on, {len(test_y)} held out; run folder {run_dir}\n")

start = time.time()
history = recipe.fit(
    (train_x, train_y),
    validation_data=(test_x, test_y),
    run_dir=run_dir,
    seed=options.seed,
    verbose=2,
)
seconds = time.time() - start

result = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
print(f"top-1 {result['top1']:.4f} on {result['images']} held-out digits, {seconds:.0f} s")
print(f"krr report {run_dir} draws its curves")
