"""Trains a scaled-down A3 on scikit-learn's handwritten digits.

    python examples/digits.py [--seed 0] [--run-dir runs/digits-0]

Nothing is downloaded; it takes a few minutes on two cores. The digits are 1797 scans of 8 x 8 pixels. A stratified
quarter is held out. It is not used for training or to select an epoch: the last weights are evaluated.
"""

import argparse
import time

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import keras_resnet_recipes as krr

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument(
    "--seed", type=int, default=0, help="seed of weights, shuffling and augmentation"
)
parser.add_argument("--run-dir", help="run folder; default: runs/digits-SEED")
options = parser.parse_args()
run_dir = options.run_dir or f"runs/digits-{options.seed}"

digits = load_digits()
# Random crops start at whole pixels, which at 8 pixels would be too coarse.
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
    crop_scale=(0.5, 1.0),  # 8 % of a digit is a single stroke
    random_flip=None,  # mirrored digits are not digits
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

metrics = recipe.evaluate(history.model, (test_x, test_y), verbose=0)
print(f"top-1 {metrics['top1']:.4f} on {metrics['images']} held-out digits, {seconds:.0f} s")
print(f"To plot the curves: krr report {run_dir}")
