"""Measures the resident memory of the input pipeline: a million file names, and an epoch over many JPEGs.

    python benchmarks/memory.py --json RESULT

`names` lists made-up files (1,281,167 by default, the size of the ImageNet training set) in a .csv file and computes
the order of two epochs without reading them. `epoch` runs the pipeline of A3 at 160 pixels over many JPEGs (13,000 by
default: hard links to 320 generated images of 500 x 375 pixels), without training. Each runs in a separate
process.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from conditions import conditions
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.data import UnreadableImages
from keras_resnet_recipes.input_pipeline.order import order
from keras_resnet_recipes.input_pipeline.training import TrainingBatches

IMAGENET = 1_281_167


def resident() -> float:
    """Returns the current resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak() -> float:
    """Returns the peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def names(count: int) -> dict[str, float]:
    """Returns the additional MiB of a list of `count` files and of its order."""
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
        found = {f"list of {data.size:,} files, at most": peak() - before}
    for epoch in range(2):
        seen = len(order(data.size, seed=0, epoch=epoch))
        found[f"order of epoch {epoch} ({seen:,}), at most"] = peak() - before
    return {"the package alone": before, **found}


def epoch(count: int) -> dict[str, float]:
    """Returns the additional MiB during an epoch over `count` JPEGs."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), count)
        data = krr.data.from_folder(folder)
        recipe = krr.A3(classes=data.classes, batch_size=100, epochs=1, warmup_epochs=0)
        unreadable = UnreadableImages(data, "raise")
        before, found = resident(), {}
        batches = TrainingBatches(recipe, data, steps=count // 100, seed=0, unreadable=unreadable)
        for number, _ in enumerate(batches.batches(), 1):
            if number in (1, 10, 20, 50, 80) or number == count // 100:
                found[f"after {100 * number:,} images"] = resident() - before
        return {"before the epoch": before, **found, "in the epoch, at most": peak() - before}


def write_images(folder: Path, count: int) -> None:
    """Writes 320 different JPEGs in ten classes, and hard links to them."""
    rng = np.random.default_rng(0)
    for label in range(10):
        (folder / str(label)).mkdir()
    for number in range(count):
        file = folder / str(number % 10) / f"{number}.jpg"
        if number < 320:
            coarse = rng.integers(0, 256, (12, 16, 3)).astype("float32")
            image = Image.fromarray(coarse.astype("uint8")).resize((500, 375), Image.BICUBIC)
            image.save(file, quality=95)
        else:
            first = number % 320
            file.hardlink_to(folder / str(first % 10) / f"{first}.jpg")


def table(results: dict[str, dict[str, float]]) -> list[str]:
    """Returns, for each part, a row for the initial memory and rows for the additional memory."""
    lines = ["| | MiB |", "|---|---|"]
    for found in results.values():
        (before, value), *more = found.items()
        lines.append(f"| {before} | {value:.0f} |")
        lines += [f"| {name} | +{value:.0f} |" for name, value in more]
    return lines


def main() -> None:
    """Measures each part in a separate process and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", type=int, default=IMAGENET, help="number of files in the list")
    parser.add_argument("--images", type=int, default=13_000, help="number of JPEGs in the epoch")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument(
        "--only", choices=("names", "epoch"), help="measure only this part, in this process"
    )
    options = parser.parse_args()
    if options.only:
        found = names(options.names) if options.only == "names" else epoch(options.images)
        print(json.dumps(found))
        return
    results = {}
    for name in ("names", "epoch"):
        command = [sys.executable, *sys.argv, "--only", name]
        made = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        results[name] = json.loads(made.stdout.splitlines()[-1])
    print("\n".join(table(results)))
    if options.json:
        record = {"conditions": conditions(), "results": results}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
