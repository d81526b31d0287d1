"""Compares the accuracy of A2 on real images with the same run built from timm's parts, over several seeds.

    python benchmarks/learning.py cifar10.npz RESULTS --peer-python PYTHON_WITH_TIMM [--seeds 0 1 2 3 4]

A2 is reduced to ResNet-18 at 32 pixels, the first 10,000 training images of CIFAR-10, all test
images, and 10 epochs of batches of 128. Each side draws its own weights, order and augmentation, so only
the final accuracies are compared, which differ between seeds. The difference of the means should be within
twice its standard error; the table states whether it is. Seeds take turns. A JSON file is written when a run
ends, and the same command resumes an interrupted measurement.
"""

import argparse
import json
import math
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
from conditions import conditions
from timm_numbers import numbers

import keras_resnet_recipes as krr

PEER = Path(__file__).with_name("timm_training.py")
IMAGES, EPOCHS, BATCH, SIZE = 10_000, 10, 128, 32


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for the results")
    parser.add_argument("--peer-python", required=True, help="a Python that has timm")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    data = subset(options.data, options.results / "subset.npz")
    recipe = shrunk()
    peer = [options.peer_python, str(PEER), "learn", str(data)]
    for seed in options.seeds:
        theirs = options.results / f"timm-{seed}.json"
        if not theirs.is_file():
            values = json.dumps(numbers(recipe, IMAGES // BATCH))
            subprocess.run([*peer, str(theirs), values, str(seed)], check=True)
        ours = options.results / f"ours-{seed}.json"
        if not ours.is_file():
            ours.write_text(json.dumps(learned(recipe, data, seed)))
    found = {name: reached(options.results, name, options.seeds) for name in ("ours", "timm")}
    record = {"conditions": conditions(options.peer_python), "top1": found}
    (options.results / "learning.json").write_text(json.dumps(record, indent=1) + "\n")
    print("\n".join(table(found)))


def subset(source: str, path: Path) -> Path:
    """Writes the images of the experiment to a file for both sides."""
    if not path.is_file():
        with np.load(source) as file:
            arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
        for name in ("x_train", "y_train"):
            arrays[name] = arrays[name][:IMAGES]
        np.savez(path, **arrays)
    return path


def shrunk() -> krr.Recipe:
    """Returns the recipe at the size of the experiment, with the learning rate scaled to the batch size."""
    return krr.A2(
        network="ResNet18",
        classes=10,
        train_size=SIZE,
        test_size=SIZE,
        epochs=EPOCHS,
        precision="float32",
    ).rescaled(BATCH)


def learned(recipe: krr.Recipe, data: Path, seed: int) -> dict[str, float]:
    """Trains with `Recipe.fit` and returns the test accuracy after the last epoch."""
    begun = time.perf_counter()
    model = recipe.fit(data, seed=seed, verbose=2).model
    seconds = time.perf_counter() - begun
    top1 = recipe.evaluate(model, data, verbose=0)["top1"]
    return {"top1": top1, "seconds": seconds, "seed": seed}


def reached(folder: Path, name: str, seeds: list[int]) -> list[float]:
    """Returns the top-1 in percent for each seed."""
    files = (folder / f"{name}-{seed}.json" for seed in seeds)
    return [100 * json.loads(file.read_text())["top1"] for file in files]


def table(found: dict[str, list[float]]) -> list[str]:
    """Returns means, standard errors and results per seed, and whether the means agree."""
    lines = ["| | top-1 % | standard error | seeds |", "|---|---|---|---|"]
    for name, values in found.items():
        shown = "one seed" if len(values) < 2 else f"{standard_error(values):.2f}"
        each = ", ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {name} | {statistics.mean(values):.2f} | {shown} | {each} |")
    if min(map(len, found.values())) > 1:
        off, error = difference(found)
        met = "met" if abs(off) <= 2 * error else "not met"
        lines += ["", f"Difference of the means {off:+.2f}, standard error {error:.2f}."]
        lines[-1] += f" Within two standard errors: {met}."
    return lines


def difference(found: dict[str, list[float]]) -> tuple[float, float]:
    """Returns the difference of the means and its standard error."""
    off = statistics.mean(found["ours"]) - statistics.mean(found["timm"])
    return off, math.hypot(*map(standard_error, found.values()))


def standard_error(values: list[float]) -> float:
    """Returns the standard error of the mean."""
    return statistics.stdev(values) / len(values) ** 0.5


if __name__ == "__main__":
    main()
