"""Measures images per CPU second of the input pipeline, compared with timm, keras-cv, and decoding alone.

    python benchmarks/input_pipeline.py FOLDER --peer-python PYTHON_WITH_TIMM --keras-cv-python PYTHON_WITH_KERAS_CV

FOLDER contains one subfolder of JPEG files per class. Every measurement runs in a separate process, pinned to `--cores`
cores, which warms up and then measures the CPU time (its own and that of its children) for `--images` images, from the
files to the mixed uint8 batch. The processes take turns, so that fluctuations of the machine affect all of them; ratios
are medians of the ratios per round.

    files     the pipeline of the recipe, from JPEG files
    prepared  from the files as stored by `krr prepare --shorter-side 256 --quality 90`; compared with the other
              engines on the original files
    raw       from the files as stored by `krr prepare --shorter-side 256 --raw`
    timm      its transforms and `FastCollateMixup`, in one process without workers
    keras_cv  its layers in tf.data, as in its guides
    floor     reading and decoding the files, nothing else

The row `evaluation` is that of A3: shorter side 235 pixels, center crop 224.

The peers' interpreters need timm, torch, torchvision and Pillow, or keras-cv and TensorFlow, but not this package.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conditions import conditions

# Even, for mixing, and a multiple of the three copies of A1.
BATCH = 252
ROWS = {
    "A3": {"size": 160, "magnitude": 6, "mixup": 0.1, "copies": 1},
    "A1": {"size": 224, "magnitude": 7, "mixup": 0.2, "copies": 3},
    "evaluation": {"size": 224, "crop_ratio": 0.95},
}
ENGINES = ("files", "prepared", "raw", "timm", "keras_cv", "floor")
# Options of `krr prepare`; 1.15 times the training size would suit 224 pixels.
STORED = {
    "prepared": ["--shorter-side", "256", "--quality", "90"],
    "raw": ["--shorter-side", "256", "--raw"],
}


def ours(row: str, folder: str) -> Iterator[Any]:
    """Yields batches of the recipe's pipeline, epoch after epoch."""
    import keras_resnet_recipes as krr
    from keras_resnet_recipes.data import UnreadableImages, from_source
    from keras_resnet_recipes.input_pipeline.evaluation import EvaluationBatches
    from keras_resnet_recipes.input_pipeline.training import TrainingBatches

    data = from_source(folder)
    unreadable = UnreadableImages(data, "raise")
    if row == "evaluation":
        recipe = krr.A3(classes=data.classes, batch_size=BATCH)
        while True:
            yield from EvaluationBatches(recipe, data, unreadable=unreadable)
    recipe = getattr(krr, row)(classes=data.classes, batch_size=BATCH)
    steps = data.size // BATCH or 1
    yield from TrainingBatches(recipe, data, steps=steps, seed=0, unreadable=unreadable).batches()


def floor(row: str, folder: str) -> Iterator[Any]:
    """Reads and decodes the files of each batch, and yields None."""
    import simplejpeg

    copies = ROWS[row].get("copies", 1)
    for number, file in enumerate(itertools.cycle(_files(folder)), 1):
        simplejpeg.decode_jpeg(Path(file).read_bytes(), "RGBX")
        if number * copies % BATCH == 0:
            yield None


def timm(row: str, folder: str) -> Iterator[Any]:
    """Yields batches of timm's transforms and collate function, in one process without workers."""
    # Works around operators that torch's CPU build lacks.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("unused"))
    import torch
    from PIL import Image
    from timm.data import FastCollateMixup, create_transform

    torch.set_num_threads(1)
    values, files = ROWS[row], itertools.cycle(_files(folder))
    if row == "evaluation":
        size, ratio = values["size"], values["crop_ratio"]
        transform = create_transform(
            size, crop_pct=ratio, interpolation="bicubic", use_prefetcher=True
        )
        while True:
            yield [transform(Image.open(f).convert("RGB")) for f in itertools.islice(files, BATCH)]
    transform = create_transform(
        values["size"],
        is_training=True,
        use_prefetcher=True,
        auto_augment=f"rand-m{values['magnitude']}-mstd0.5-inc1",
        interpolation="random",
    )
    collate = FastCollateMixup(
        mixup_alpha=values["mixup"], cutmix_alpha=1.0, label_smoothing=0.1, num_classes=1000
    )
    copied = (file for file in files for _ in range(values["copies"]))
    while True:
        pairs = [(Image.open(file).convert("RGB"), 0) for file in itertools.islice(copied, BATCH)]
        yield collate([(transform(image), label) for image, label in pairs])


def keras_cv(row: str, folder: str) -> Iterator[Any]:
    """Yields batches of keras-cv's layers: crop and flip per image, the others per batch."""
    import keras_cv
    import tensorflow as tf

    layers, values = keras_cv.layers, ROWS[row]
    size = values["size"]
    crop = layers.RandomCropAndResize((size, size), (0.08, 1.0), (3 / 4, 4 / 3))
    flip = layers.RandomFlip("horizontal")
    augment = layers.RandAugment((0, 255), 2, values["magnitude"] / 10, magnitude_stddev=0.05)
    mix = layers.RandomChoice([layers.MixUp(values["mixup"]), layers.CutMix(1.0)], batchwise=True)
    files = tf.data.Dataset.from_tensor_slices(_files(folder)).repeat()
    files = files.flat_map(lambda file: tf.data.Dataset.from_tensors(file).repeat(values["copies"]))

    def cropped(file: Any) -> Any:
        image = tf.cast(tf.io.decode_jpeg(tf.io.read_file(file), channels=3), tf.float32)
        return flip(crop(image, training=True), training=True)

    def mixed(images: Any) -> Any:
        inputs = {"images": augment(images, training=True), "labels": tf.one_hot([0] * BATCH, 1000)}
        outputs = mix(inputs, training=True)
        return tf.saturate_cast(outputs["images"], tf.uint8), outputs["labels"]

    yield from files.map(cropped).batch(BATCH, drop_remainder=True).map(mixed)


def measure(engine: str, row: str, folder: str, images: int) -> dict[str, float]:
    """Measures one engine in this process."""
    others = {"timm": timm, "keras_cv": keras_cv, "floor": floor}
    batches = others.get(engine, ours)(row, folder)
    next(batches)
    first = _cpu_seconds()
    next(batches)
    cpu, wall = _cpu_seconds(), time.perf_counter()
    steps = -(-images // BATCH)
    for _ in range(steps):
        next(batches)
    return {
        "images_per_cpu_second": steps * BATCH / (_cpu_seconds() - cpu),
        "images_per_second": steps * BATCH / (time.perf_counter() - wall),
        "first_batch_cpu_seconds": first,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measures in turns and prints the table."""
    arguments = _arguments()
    if arguments.engine:
        figures = measure(arguments.engine, arguments.rows[0], arguments.folder, arguments.images)
        print(json.dumps(figures), flush=True)
        os._exit(0)  # skips the cleanup of a running pipeline
    interpreters = {"timm": arguments.peer_python, "keras_cv": arguments.keras_cv_python}
    engines = [name for name in arguments.engines if interpreters.get(name, sys.executable)]
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory() as stored:
        folders = {name: f"{stored}/{name}" for name in STORED if name in engines}
        for name, folder in folders.items():
            _prepare(arguments.folder, folder, STORED[name])
        for _, row, engine in itertools.product(range(arguments.rounds), arguments.rows, engines):
            if row == "evaluation" and engine == "keras_cv":
                continue
            python = interpreters.get(engine, sys.executable)
            folder = folders.get(engine, arguments.folder)
            figures = _in_own_process(python, arguments, engine, row, folder)
            results.setdefault(row, {}).setdefault(engine, []).append(figures)
            print(row, engine, json.dumps(figures), file=sys.stderr, flush=True)
    print("\n".join(table(results)))
    if arguments.json:
        peers = [python for python in interpreters.values() if python]
        record = {"conditions": conditions(*peers), "results": results}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


def _prepare(folder: str, stored: str, options: list[str]) -> None:
    """Runs `krr prepare` in a process that ends before the measurements."""
    command = [sys.executable, "-m", "keras_resnet_recipes", "prepare", folder, stored, *options]
    subprocess.run(command, stdout=sys.stderr, check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="one subfolder of JPEG files per class")
    parser.add_argument("--peer-python", help="interpreter with timm; without it, timm is skipped")
    parser.add_argument(
        "--keras-cv-python", help="interpreter with keras-cv; without it, keras-cv is skipped"
    )
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--images", type=int, default=1000, help="images per measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for all results of all rounds")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument(
        "--engine", choices=ENGINES, help="measure only this engine, in this process"
    )
    return parser.parse_args()


def _in_own_process(
    python: str, arguments: argparse.Namespace, engine: str, row: str, folder: str
) -> dict[str, float]:
    options = ["--engine", engine, "--rows", row, "--images", str(arguments.images)]
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    finished = subprocess.run(
        [python, __file__, folder, *options],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(finished.stdout.splitlines()[-1])


def table(results: dict[str, dict[str, list[dict[str, float]]]]) -> list[str]:
    """Returns a row per engine and recipe."""
    others = ("timm", "keras_cv", "floor")
    lines = [
        "| | images per CPU second | / timm | / keras-cv | / floor | first batch, CPU s | peak MiB |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for row, engines in results.items():
        for engine, rounds in engines.items():
            speed = statistics.median(each["images_per_cpu_second"] for each in rounds)
            ratios = [ratio(engines, engine, other) for other in others]
            shown = [f"{value:.2f}" if value else "-" for value in ratios]
            peak = max(figures["peak_mib"] for figures in rounds)
            first = statistics.median(each["first_batch_cpu_seconds"] for each in rounds)
            name = f"{row} at {ROWS[row]['size']}, {engine.replace('_', '-')}"
            lines.append(
                f"| {' | '.join([name, f'{speed:.0f}', *shown, f'{first:.1f}', f'{peak:.0f}'])} |"
            )
    return lines


def ratio(engines: dict[str, list[dict[str, float]]], own: str, other: str) -> float | None:
    """Returns the speedup over `other` by CPU time, median over the rounds; None if `other` is missing."""
    if own == other or other not in engines:
        return None
    pairs = zip(engines[own], engines[other], strict=True)
    name = "images_per_cpu_second"
    return statistics.median(ours[name] / theirs[name] for ours, theirs in pairs)


def _files(folder: str) -> list[str]:
    return sorted(str(file) for file in Path(folder).rglob("*.jp*g"))


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
