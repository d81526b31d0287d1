"""Milliseconds per picture of every operation of the input pipeline, inside tf.data.

    python benchmarks/operations.py FOLDER --json RESULT

FOLDER holds JPEG files. CPU time of one pinned core, less that of a pipeline that does nothing; the
median of `--rounds`. The last line compares the fast resize with the exact one over random crops.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from conditions import conditions

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment.rand_augment import OPERATIONS, level_argument
from keras_resnet_recipes.augment.resize import resize
from keras_resnet_recipes.data import decode

SIZE, LEVEL, BATCH = 224, 6.3, 126
INTERPOLATED = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")


def milliseconds(function: Callable[..., Any], *values: Any, count: int) -> float:
    """CPU time of one call of a function of tensors, as a step of tf.data."""
    call = tf.autograph.experimental.do_not_convert(lambda _: function(*values))
    results = iter(tf.data.Dataset.range(2**40).map(call))
    for _ in range(max(3, count // 10)):
        next(results)
    started = time.process_time()
    for _ in range(count):
        next(results)
    return (time.process_time() - started) / count * 1e3


def operations(image: tf.Tensor) -> dict[str, Callable[[int], float]]:
    """For each operation its time as a function of how often to call it."""
    rand_augment = augment.RandAugment()
    drawn = {name: rows[0] for name, rows in rand_augment.draw(1, seed=(0, 1)).items()}
    none = tf.constant(len(OPERATIONS))
    timed = {}
    for index, name in enumerate([*OPERATIONS, "nothing"]):
        argument = level_argument(min(index, len(OPERATIONS) - 1), LEVEL, 1.0)
        for cubic in (False, True) if name in INTERPOLATED else (False,):
            row = {
                **drawn,
                "operation": tf.stack([tf.constant(index), none]),
                "argument": tf.stack([argument, argument]),
                "cubic": tf.constant([cubic, cubic]),
            }
            timed[f"{name}{' bicubic' * cubic}"] = lambda n, row=row: milliseconds(
                rand_augment.apply, image, row, count=n
            )
    return timed


def others(image: tf.Tensor, part: tf.Tensor) -> dict[str, Callable[[int], float]]:
    """The same for what is not RandAugment's: resizing, mixing, and another type of picture."""
    batch, labels = tf.stack([image] * BATCH), tf.one_hot(tf.range(BATCH), 1000)
    timed = {}
    for exact in (False, True):
        for cubic in (False, True):
            name = f"resize {'exact' if exact else 'fast'}{' bicubic' * cubic}"
            timed[name] = lambda n, cubic=cubic, exact=exact: milliseconds(
                lambda x: resize(x, SIZE, SIZE, tf.constant(cubic), exact), part, count=n
            )
    for name, mix in (("MixUp", augment.MixUp(0.2)), ("CutMix", augment.CutMix(1.0))):
        # 1.0 seconds of a batch are many calls; the seed makes no difference to the time.
        timed[name] = lambda n, mix=mix: (
            milliseconds(mix, batch, labels, (0, 1), count=max(n // BATCH, 10)) / BATCH
        )
    normalised = tf.function(
        lambda x: tf.cast((tf.cast(x, tf.float32) - 120.0) / 58.0, tf.float16),
        jit_compile=True,
        autograph=False,
    )
    timed["normalised float16"] = lambda n: (
        milliseconds(normalised, batch, count=max(n // BATCH, 10)) / BATCH
    )
    return timed


def shares_off(images: list[tf.Tensor]) -> dict[str, tuple[float, float, int]]:
    """Fast against exact resize: mean and largest share of bytes that differ, and by how much at most."""
    crop = augment.RandomResizedCrop(SIZE)
    rows = crop.draw(len(images), seed=(0, 1))
    found = {}
    for cubic in (False, True):
        shares, most = [], 0
        for index, image in enumerate(images):
            box = crop.box(*image.shape[:2], {name: row[index] for name, row in rows.items()})
            part = image[box[0] : box[0] + box[2], box[1] : box[1] + box[3]]
            exact, fast = (tf.cast(resize(part, SIZE, SIZE, cubic, e), tf.int32) for e in (1, 0))
            off = tf.abs(exact - fast)
            shares.append(float(tf.reduce_mean(tf.cast(off > 0, tf.float64))))
            most = max(most, int(tf.reduce_max(off)))
        found["bicubic" if cubic else "bilinear"] = statistics.mean(shares), max(shares), most
    return found


def table(record: dict[str, Any]) -> list[str]:
    """A line an operation, and what the fast resize is off by."""
    lines = ["| | ms |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in record["milliseconds"].items()]
    lines.append("")
    for kind, (mean, largest, most) in record["fast_resize"].items():
        lines.append(
            f"- fast {kind} resize of {record['images']} crops: {mean:.2%} of the bytes differ "
            f"(of one crop {largest:.1%}), by at most {most}"
        )
    return lines


def measured(timed: dict[str, Callable[[int], float]], count: int, rounds: int) -> dict[str, float]:
    """Medians, less what doing nothing takes a picture."""
    figures = [{name: measure(count) for name, measure in timed.items()} for _ in range(rounds)]
    median = {name: statistics.median(each[name] for each in figures) for name in timed}
    # What is timed by the batch has next to nothing of it.
    of_batch = ("MixUp", "CutMix", "normalised float16")
    return {
        name: value if name in of_batch else value - median["nothing"]
        for name, value in median.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder of JPEG files, at any depth")
    parser.add_argument("--count", type=int, default=300, help="calls of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    told = conditions()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    files = sorted(Path(options.folder).rglob("*.jp*g"))
    images = [decode(tf.io.read_file(str(file))) for file in files]
    image = resize(images[0], SIZE, SIZE)
    timed = {**operations(image), **others(image, images[0][:300, :340])}
    record = {
        "conditions": told,
        "milliseconds": measured(timed, options.count, options.rounds),
        "images": len(images),
        "fast_resize": shares_off(images),
    }
    print("\n".join(table(record)))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
