"""Images per CPU-second of the input pipeline, beside timm's chain and beside decoding alone.

    python benchmarks/input_pipeline.py FOLDER --peer-python ../timm/bin/python

FOLDER holds one subfolder of JPEG files a class. Every figure is made by a process of its own, pinned
to `--cores` cores, that warms up, then counts the CPU time (its own and its children's) of the
images asked for, from the files to the mixed uint8 batch. The processes take turns, so that a change
of the machine's mood meets all of them; ratios are medians of the ratios of a round.

The peer's interpreter needs timm, torch, torchvision and Pillow, not this package.
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

# Even for mixing, a multiple of the three copies of A1.
BATCH = 252
ROWS = {"A3": {"size": 160, "policy": "rand-m6-mstd0.5-inc1", "mixup": 0.1, "copies": 1}}
ROWS["A1"] = {"size": 224, "policy": "rand-m7-mstd0.5-inc1", "mixup": 0.2, "copies": 3}
ENGINES = ("ours", "exact", "prepared", "peer", "floor")
# What `krr prepare` is asked for; 1.15 times the training size would suit 224 pixels.
SHORTER_SIDE, QUALITY = 256, 90


def ours(row: str, folder: str, exact_resize: bool = False) -> Iterator[Any]:
    """Batches of the recipe's own pipeline, epoch after epoch."""
    import tensorflow as tf

    import keras_resnet_recipes as krr
    from keras_resnet_recipes.data import UnreadableImages, from_source
    from keras_resnet_recipes.training import training_batches

    tf.config.set_visible_devices([], "GPU")
    data = from_source(folder)
    recipe = getattr(krr, row)(classes=data.classes, batch_size=BATCH, exact_resize=exact_resize)
    steps = data.size // BATCH or 1
    unreadable = UnreadableImages(data, "raise")
    yield from training_batches(
        recipe, data, steps=steps, first_epoch=0, seed=0, unreadable=unreadable
    )


def exact(row: str, folder: str) -> Iterator[Any]:
    """The same with every byte of the resize as Pillow's."""
    return ours(row, folder, exact_resize=True)


def floor(row: str, folder: str) -> Iterator[Any]:
    """Batches' worth of random crops, read and decoded, and nothing else."""
    import tensorflow as tf

    from keras_resnet_recipes.augment import RandomResizedCrop
    from keras_resnet_recipes.data import decode_crop

    crop = RandomResizedCrop(ROWS[row]["size"])
    drawn = tf.data.Dataset.from_tensor_slices(crop.draw(BATCH, (0, 1))).repeat()
    files = tf.data.Dataset.from_tensor_slices(_files(folder)).repeat()

    def decoded(file: Any, drawn: Any) -> Any:
        part = decode_crop(
            tf.io.read_file(file), lambda height, width: crop.box(height, width, drawn)
        )
        return tf.shape(part)

    yield from tf.data.Dataset.zip((files, drawn)).map(decoded).batch(BATCH)


def peer(row: str, folder: str) -> Iterator[Any]:
    """Batches of timm's transforms and collating, in one process without workers."""
    # torch's CPU build lacks the operations that this module of torchvision declares.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("unused"))
    import torch
    from PIL import Image
    from timm.data import FastCollateMixup, create_transform

    torch.set_num_threads(1)
    values = ROWS[row]
    transform = create_transform(
        values["size"],
        is_training=True,
        use_prefetcher=True,
        auto_augment=values["policy"],
        interpolation="random",
    )
    collate = FastCollateMixup(
        mixup_alpha=values["mixup"], cutmix_alpha=1.0, label_smoothing=0.1, num_classes=1000
    )
    files = itertools.cycle(_files(folder))
    copied = (file for file in files for _ in range(values["copies"]))
    while True:
        pairs = [(Image.open(file).convert("RGB"), 0) for file in itertools.islice(copied, BATCH)]
        yield collate([(transform(image), label) for image, label in pairs])


def measure(engine: str, row: str, folder: str, images: int) -> dict[str, float]:
    """Images per CPU-second of one engine in this process."""
    started = time.perf_counter()
    engines = {"ours": ours, "exact": exact, "prepared": ours, "peer": peer, "floor": floor}
    batches = engines[engine](row, folder)
    for _ in range(2):
        next(batches)
    warm, cpu, wall = time.perf_counter() - started, _cpu_seconds(), time.perf_counter()
    steps = -(-images // BATCH)
    for _ in range(steps):
        next(batches)
    return {
        "images_per_cpu_second": steps * BATCH / (_cpu_seconds() - cpu),
        "images_per_second": steps * BATCH / (time.perf_counter() - wall),
        "first_two_batches_seconds": warm,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Measure in turns and print the table."""
    arguments = _arguments()
    if arguments.engine:
        figures = measure(arguments.engine, arguments.rows[0], arguments.folder, arguments.images)
        print(json.dumps(figures), flush=True)
        os._exit(0)  # a pipeline that is still filling its buffers has nothing to tidy up
    engines = [name for name in arguments.engines if arguments.peer_python or name != "peer"]
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory() as prepared:
        if "prepared" in engines:
            _prepare(arguments.folder, prepared)
        for _, row, engine in itertools.product(range(arguments.rounds), arguments.rows, engines):
            figures = _in_own_process(arguments, engine, row, prepared)
            results.setdefault(row, {}).setdefault(engine, []).append(figures)
            print(row, engine, json.dumps(figures), file=sys.stderr, flush=True)
    print(_table(results))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


def _prepare(folder: str, prepared: str) -> None:
    """Write the folder's images as `krr prepare` does, in a process that ends before any is measured."""
    options = ["--shorter-side", str(SHORTER_SIDE), "--quality", str(QUALITY)]
    command = [sys.executable, "-m", "keras_resnet_recipes", "prepare", folder, prepared, *options]
    subprocess.run(command, stdout=sys.stderr, check=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="one subfolder of JPEG files a class")
    parser.add_argument("--peer-python", help="interpreter with timm; left out, timm is")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--images", type=int, default=1000, help="images of one measurement")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", help="file for every figure of every round")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--engine", choices=ENGINES, help="measure only this, in this process")
    return parser.parse_args()


def _in_own_process(
    arguments: argparse.Namespace, engine: str, row: str, prepared: str
) -> dict[str, float]:
    python = arguments.peer_python if engine == "peer" else sys.executable
    options = ["--engine", engine, "--rows", row, "--images", str(arguments.images)]
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    finished = subprocess.run(
        [python, __file__, prepared if engine == "prepared" else arguments.folder, *options],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(finished.stdout.splitlines()[-1])


def _table(results: dict[str, dict[str, list[dict[str, float]]]]) -> str:
    lines = ["| | images per CPU-second | times the peer | share of the floor | peak MiB |"]
    lines.append("|---|---|---|---|---|")
    for row, engines in results.items():
        speeds = {
            engine: [figures["images_per_cpu_second"] for figures in rounds]
            for engine, rounds in engines.items()
        }
        for engine, own in speeds.items():
            ratios = [
                f"{statistics.median(a / b for a, b in zip(own, speeds[other], strict=True)):.2f}"
                if other in speeds
                else "-"
                for other in ("peer", "floor")
            ]
            peak = max(figures["peak_mib"] for figures in engines[engine])
            cells = [f"{row} {engine}", f"{statistics.median(own):.0f}", *ratios, f"{peak:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _files(folder: str) -> list[str]:
    return sorted(str(file) for file in Path(folder).rglob("*.jp*g"))


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
