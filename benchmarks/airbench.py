"""Trains Airbench94 on all of CIFAR-10 with several seeds, and the reference in torch; plots the accuracy per epoch.

    python benchmarks/airbench.py cifar10.npz RESULTS [--seeds 0 1 2] [--reference-seeds 0]

Each run is a process of its own, `krr train Airbench94 --set test_views=one`, so that one view of the test images is
evaluated after every epoch; six views of the last epoch are evaluated afterwards. RESULTS gets a JSON file per run,
which is not repeated, and the run folders; an interrupted run resumes, without processor time in its file.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from conditions import conditions

REFERENCE = Path(__file__).with_name("airbench_reference.py")
PUBLISHED = 94.01

Record = dict[str, Any]


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CIFAR-10 as .npz")
    parser.add_argument("results", type=Path, help="folder for the results")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--reference-seeds", type=int, nargs="*", default=[0])
    options = parser.parse_args()
    options.results.mkdir(parents=True, exist_ok=True)
    sides = {"ours": (trained, options.seeds), "reference": (referred, options.reference_seeds)}
    for name, (run, seeds) in sides.items():
        for seed in seeds:
            file = options.results / f"{name}-{seed}.json"
            if not file.is_file():
                made = run(options.data, options.results, seed)
                file.write_text(json.dumps(made | {"conditions": conditions()}, indent=1) + "\n")
    print("\n".join(table(options.results)))


def trained(data: str, results: Path, seed: int) -> Record:
    """Trains in another process, or resumes; returns the record of the run."""
    folder = results / "runs" / f"seed-{seed}"
    command = [sys.executable, "-m", "keras_resnet_recipes", "train", "Airbench94", "--data", data]
    command += ["--run-dir", str(folder), "--seed", str(seed), "--set", "test_views=one"]
    whole = not folder.exists()
    used = measured(command)[1]
    return record(folder, data, seed) | {"processor_seconds": used if whole else None}


def record(folder: Path, data: str, seed: int) -> Record:
    """Returns accuracies and times of a finished run; evaluates the last epoch's weights with six views."""
    import keras

    import keras_resnet_recipes as krr
    from keras_resnet_recipes.runs.log import read_log

    rows = read_log(folder)
    six = krr.Airbench94().evaluate(krr.load_run(folder, "last"), data, verbose=0)["top1"]
    return {
        "seed": seed,
        "backend": keras.backend.backend(),
        "top1_by_epoch": [row["val_top1"] for row in rows],
        "top1_one_view": rows[-1]["val_top1"],
        "top1_six_views": six,
        "train_seconds": sum(row["train_seconds"] for row in rows),
        "wall_seconds": sum(row["seconds"] for row in rows),
    }


def referred(data: str, results: Path, seed: int) -> Record:
    """Trains the reference in another process; returns its record."""
    command = [sys.executable, str(REFERENCE), "--data", data, "--seed", str(seed)]
    made = json.loads(measured(command)[0])
    return {
        "seed": seed,
        "backend": "torch, without the package",
        "top1_by_epoch": made["top1_by_epoch"],
        "top1_one_view": made["top1_1"],
        "top1_six_views": made["top1_6"],
        "train_seconds": made["wall_seconds"],
        "processor_seconds": made["processor_seconds"],
    }


def measured(command: list[str]) -> tuple[str, float]:
    """Runs a command; returns its output and its processor seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{command[-1]}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return answer.stdout, sum(
        getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")
    )


def table(results: Path) -> list[str]:
    """Returns accuracies and times of every run, and the mean of ours."""
    lines = ["| run | top-1 %, six views | one view | minutes | processor minutes |"]
    lines.append("|---|---|---|---|---|")
    for file in sorted(results.glob("*-*.json")):
        made = json.loads(file.read_text())
        used = made.get("processor_seconds")
        six, one = (f"{100 * made[f'top1_{views}']:.2f}" for views in ("six_views", "one_view"))
        lines.append(
            f"| {file.stem}, {made['backend']} | {six} | {one} "
            f"| {made['train_seconds'] / 60:.0f} | {'–' if used is None else f'{used / 60:.0f}'} |"
        )
    ours = accuracies(results)
    if len(ours) > 1:
        lines += [
            "",
            f"Mean of {len(ours)} seeds: {statistics.mean(ours):.2f} %, standard deviation ",
        ]
        lines[-1] += f"{statistics.stdev(ours):.2f}; published: {PUBLISHED} %, the mean of 200."
    return lines


def accuracies(results: Path) -> list[float]:
    """Returns the top-1 of our runs in percent, with six views."""
    files = sorted(results.glob("ours-*.json"))
    return [100 * json.loads(file.read_text())["top1_six_views"] for file in files]


def plot(results: Path, path: Path) -> None:
    """Plots the accuracy after each epoch, and those with six views as points."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for file in sorted(results.glob("*-*.json")):
        made = json.loads(file.read_text())
        top1 = [100 * value for value in made["top1_by_epoch"]]
        style = "-" if file.stem.startswith("ours") else "--"
        name = file.stem.replace("-", ", seed ")
        (line,) = axes.plot(range(1, len(top1) + 1), top1, style, label=f"{name}, one view")
        six = 100 * made["top1_six_views"]
        axes.plot([len(top1)], [six], "o", color=line.get_color())
    axes.axhline(PUBLISHED, color="gray", linestyle=":", label="published, six views: 94.01 %")
    axes.plot([], [], "o", color="gray", label="six views")
    axes.set(xlabel="epoch", ylabel="test accuracy, %", ylim=(55, 96))
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
