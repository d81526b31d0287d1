"""Measures the milliseconds per image of every operation of the input pipeline, compared with Pillow.

    python benchmarks/operations.py FOLDER --json RESULT

FOLDER contains JPEG files. The times are CPU times on one pinned core; kernels and Pillow take turns, and the table
shows medians of `--rounds`.
"""

import argparse
import functools
import json
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from conditions import conditions
from PIL import Image, ImageEnhance, ImageOps

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.rand_augment import OPERATIONS, level_argument
from keras_resnet_recipes.data import opened

SIZE, LEVEL, BATCH = 224, 6.3, 126
INTERPOLATED = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
FILL = (124, 116, 104)

Pair = tuple[Callable[[], Any], Callable[[], Any]]


def pillow(image: Image.Image, name: str, argument: float, cubic: bool) -> Image.Image:
    """Applies an operation with Pillow, as timm does."""
    method = Image.BICUBIC if cubic else Image.BILINEAR
    maps = {
        "shear_x": (1, argument, 0, 0, 1, 0),
        "shear_y": (1, 0, 0, argument, 1, 0),
        "translate_x": (1, 0, argument * SIZE, 0, 1, 0),
        "translate_y": (1, 0, 0, 0, 1, argument * SIZE),
    }
    if name in maps:
        return image.transform(image.size, Image.AFFINE, maps[name], method, fillcolor=FILL)
    brighter = [min(255, i + int(argument)) if i < 128 else i for i in range(256)]
    return {
        "auto_contrast": lambda: ImageOps.autocontrast(image),
        "equalize": lambda: ImageOps.equalize(image),
        "invert": lambda: ImageOps.invert(image),
        "rotate": lambda: image.rotate(argument, resample=method, fillcolor=FILL),
        "posterize": lambda: ImageOps.posterize(image, max(int(argument), 1)),
        "solarize": lambda: ImageOps.solarize(image, int(argument)),
        "solarize_add": lambda: image.point(brighter * 3),
        "color": lambda: ImageEnhance.Color(image).enhance(argument),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(argument),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(argument),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(argument),
    }[name]()


def operations(image: np.ndarray) -> dict[str, Pair]:
    """Returns our and Pillow's version of each operation."""
    pixels, theirs = kernels.packing.pack(image), Image.fromarray(image)
    timed = {}
    for index, name in enumerate(OPERATIONS):
        argument = float(level_argument(NUMPY, np.array(index), np.array(LEVEL), np.array(1.0)))
        for cubic in (False, True) if name in INTERPOLATED else (False,):
            timed[f"{name}{' bicubic' * cubic}"] = (
                functools.partial(kernels.by_name.apply, name, pixels, argument, cubic),
                functools.partial(pillow, theirs, name, argument, cubic),
            )
    return timed


def resizing(file: Path, part: tuple[int, int]) -> dict[str, Pair]:
    """Returns our and Pillow's version of decoding a file and resizing a part of an image."""
    contents = file.read_bytes()
    pixels = opened(contents).packed()
    height, width = part
    theirs = Image.open(file).convert("RGB").crop((0, 0, width, height))

    def decoded() -> Any:
        with opened(contents) as image:
            return image.packed()

    timed: dict[str, Pair] = {
        "decode a file": (decoded, lambda: Image.open(file).convert("RGB")),
    }
    for cubic, method in ((False, Image.BILINEAR), (True, Image.BICUBIC)):
        timed[f"resize {width} x {height}{' bicubic' * cubic}"] = (
            functools.partial(kernels.resize.resize, pixels, (0, 0, *part), (SIZE, SIZE), cubic),
            functools.partial(theirs.resize, (SIZE, SIZE), method),
        )
    return timed


def milliseconds(call: Callable[[], Any], count: int) -> float:
    """Returns the CPU time of one call."""
    started = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - started) / count * 1e3


def measured(timed: dict[str, Pair], count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Returns the medians of our and Pillow's times and of their ratio per round."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(rounds + 1):
        for name, (ours, theirs) in timed.items():
            found[name].append((milliseconds(ours, count), milliseconds(theirs, count)))
    return {
        # The first round compiles.
        name: {
            "ours": statistics.median(ours for ours, _ in pairs[1:]),
            "pillow": statistics.median(theirs for _, theirs in pairs[1:]),
            "ratio": statistics.median(theirs / ours for ours, theirs in pairs[1:]),
        }
        for name, pairs in found.items()
    }


def table(record: dict[str, Any]) -> list[str]:
    """Returns a row per operation."""
    lines = ["| | ms | Pillow, ms | speedup |", "|---|---|---|---|"]
    for name, row in record["milliseconds"].items():
        figures = f"{row['ours']:.3f} | {row['pillow']:.3f} | {row['ratio']:.1f}"
        lines.append(f"| {name} | {figures} |")
    return lines


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a folder of JPEG files, at any depth")
    parser.add_argument("--count", type=int, default=100, help="calls per measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    # before the process is pinned to one core
    here = conditions()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    file = min(Path(options.folder).rglob("*.jp*g"))
    with Image.open(file) as image:
        square = np.asarray(image.convert("RGB").resize((SIZE, SIZE)))
        # Two thirds of each side: slightly less than half of the area, like an average random crop.
        part = tuple(math.floor(length * 2 / 3) for length in image.size[::-1])
    timed = {**resizing(file, part), **operations(square)}
    record = {
        "conditions": here,
        "milliseconds": measured(timed, options.count, options.rounds),
    }
    print("\n".join(table(record)))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
