"""Resident memory of the input pipeline: a million file names, and an epoch over many JPEGs.

    python benchmarks/memory.py names [COUNT]
    python benchmarks/memory.py epoch [COUNT]

`names` lists made-up files (1,281,167 by default, as many as ImageNet trains on) in a .csv file, and goes
through the order of two epochs without reading them. `epoch` trains nothing on COUNT JPEGs (13,000 by
default: hard links to 320 made ones of 500 x 375 pixels) with the pipeline of A3 at 160 pixels.
"""

import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.training import training_batches

IMAGENET = 1_281_167


def resident() -> float:
    """MiB of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    """MiB of this process at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def names(count: int) -> None:
    """Prints the memory of a list of `count` files and of its order."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "train.csv"
        with listed.open("w") as file:
            for number in range(count):
                label = f"n{number % 1000:08}"
                file.write(f"train/{label}/{label}_{number}.JPEG,{label}\n")
        Path(folder, "train/n00000000").mkdir(parents=True)
        Path(folder, "train/n00000000/n00000000_0.JPEG").touch()
        before = peak()
        data = krr.data.from_csv(listed)
        print(f"list of {data.size:,} files: {peak() - before:.0f} MiB at most")
    for epoch in range(2):
        seen = sum(len(some) for some in data.items(tf.constant([0, epoch])).batch(4096))
        print(f"order of epoch {epoch} ({seen:,}): {peak() - before:.0f} MiB at most")
    print(f"at rest: {resident() - before:.0f} MiB; TensorFlow and Keras alone: {before:.0f} MiB")


def epoch(count: int) -> None:
    """Prints the memory through an epoch over `count` JPEGs."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), count)
        data = krr.data.from_folder(folder)
        recipe = krr.A3(classes=data.classes, batch_size=100, epochs=1, warmup_epochs=0)
        unreadable = UnreadableImages(data, "raise")
        before = resident()
        print(f"before: {before:.0f} MiB")
        batches = training_batches(
            recipe, data, steps=count // 100, first_epoch=0, seed=0, unreadable=unreadable
        )
        for number, _ in enumerate(batches, 1):
            if number in (1, 10, 20, 50, 80) or number == count // 100:
                print(f"after {100 * number:,} images: {resident() - before:+.0f} MiB", flush=True)
        print(f"at most: {peak() - before:+.0f} MiB")


def write_images(folder: Path, count: int) -> None:
    """Hard links to 320 different JPEGs in ten classes."""
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / str(label)).mkdir()
    for number in range(count):
        file = folder / str(number % 10) / f"{number}.jpg"
        if number < 320:
            coarse = rng.integers(0, 256, (12, 16, 3)).astype("float32")
            pixels = tf.image.resize(coarse, (375, 500), "bicubic")
            pixels = tf.saturate_cast(pixels, tf.uint8)
            file.write_bytes(tf.io.encode_jpeg(pixels).numpy())
        else:
            first = number % 320
            file.hardlink_to(folder / str(first % 10) / f"{first}.jpg")


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    what, *counts = sys.argv[1:]
    {"names": names, "epoch": epoch}[what](
        *map(int, counts or [IMAGENET if what == "names" else 13_000])
    )
