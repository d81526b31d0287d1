"""Measures training on a GPU compared with timm, and the time to 94 % on CIFAR-10, by wall clock.

    python benchmarks/gpu.py --peer-python PYTHON_WITH_TIMM --cifar10 cifar10.npz --peak-tflops PEAK --json RESULT

Training: ours is `Recipe.fit` of A3 on JAX, including metrics and callbacks, without crop, flip and mixing. Every
batch is gathered from uint8 images in device memory. timm runs on torch with channels last, `torch.compile`,
`torch.autocast` (and a `GradScaler` for float16), timm's network, LAMB and loss, on one float32 batch that stays on the
device; it is spared the conversion of bytes that ours performs. Each side is a separate process. They take turns of
`--updates` updates, in a different order each round, and both stay in device memory. There is no synchronization
between updates; both wait for the last update of a turn. The time of ours is `train_seconds` of `Recipe.fit`, with one
epoch per turn; work after an epoch is excluded. The first turn, which includes compilation, is reported separately.
Device memory is the peak of arrays and programs in use, as counted by JAX and by torch.

The fraction of peak is the number of floating-point operations, divided by the time and by `--peak-tflops` (in 10^12
dense 16-bit operations per second, as specified by the manufacturer). It counts two operations for each multiplication
with a weight of a convolution or the last layer, and training as three forward passes. Everything else, in particular
memory-bound operations, takes time and counts as nothing, on both sides.

The speed run is `krr.DAWNBench().fit` in one process per seed; docs/speed-run.md describes what is counted. An
interrupted seed resumes after its last epoch and compiles again, which is counted as well.

Each case and each seed is stored as a file in `--results`; the same command resumes an interrupted measurement. Without
a GPU everything runs on the CPU, which only shows that it works.
"""

import argparse
import contextlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conditions import conditions
from turns import answer, turn, worker

HERE = Path(__file__).parent
# Both sides share the device memory.
ENVIRONMENT = {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    """Measures and prints the tables."""
    options = _options()
    options.results.mkdir(parents=True, exist_ok=True)
    here = conditions(options.peer_python if "timm" in options.engines else None)
    here["gpu"] = _gpu()
    record = {"conditions": here, "peak_tflops": options.peak_tflops, "training": []}
    for size, precision in itertools.product(options.sizes, options.precisions):
        case = {"network": options.network, "size": size, "precision": precision}
        case |= {"batch": options.batch or 256, "updates": options.updates}
        settings = {**case, "rounds": options.rounds, "engines": options.engines}
        path = options.results / f"{options.network}-{size}-{precision}.json"
        result = kept(path, settings, here, lambda case=case: training(case, options))
        record["training"].append(result)
    record["speed_runs"] = []
    for seed in options.seeds if options.cifar10 else ():
        settings = {"seed": seed, "epochs": options.epochs, "batch": options.batch}
        path = options.results / f"speed-run-{seed}.json"
        result = kept(path, settings, here, lambda seed=seed: speed_run(seed, options))
        record["speed_runs"].append(result)
    print("\n".join(table(record)))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def kept(
    path: Path,
    settings: dict[str, Any],
    here: dict[str, Any],
    measure: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Returns the stored result for these settings and this machine, or measures and stores it."""
    machine = {name: here.get(name) for name in ("gpu", "versions", "peer_versions")}
    if path.is_file():
        before = json.loads(path.read_text())
        if {name: before.get(name) for name in (*settings, *machine)} == settings | machine:
            return before
    result = {**settings, **machine, **measure()}
    path.write_text(json.dumps(result, indent=1) + "\n")
    print("measured:", settings, file=sys.stderr, flush=True)
    return result


def training(case: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Measures all turns of both sides; the first includes compilation."""
    words = [str(case[name]) for name in ("network", "size", "batch", "precision", "updates")]
    commands = {
        "ours": [sys.executable, str(HERE / "gpu_keras.py"), "training", *words],
        "timm": [options.peer_python, str(HERE / "gpu_timm.py"), *words],
    }
    names = options.engines
    with contextlib.ExitStack() as stack:
        workers, turns = {}, {}
        for name in names:
            workers[name] = stack.enter_context(worker(commands[name], ENVIRONMENT, CORES))
            turns[name] = [answer(workers[name])]
            print(case, name, turns[name][0], file=sys.stderr, flush=True)
        for number in range(options.rounds):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                turns[name].append(turn(workers[name], 1))
    return {"turns": turns}


def speed_run(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Runs one seed; returns its accuracy and duration per epoch."""
    # Different settings use a different run folder.
    folder = options.results / f"speed-run-{seed}-{options.epochs}-{options.batch or 512}"
    words = [options.cifar10, str(folder), str(seed), str(options.epochs)]
    words += [str(options.batch)] if options.batch else []
    command = [sys.executable, str(HERE / "gpu_keras.py"), "speed_run", *words]
    with worker(command, ENVIRONMENT, CORES) as process:
        return answer(process)


def table(record: dict[str, Any]) -> list[str]:
    """Returns a row per engine and case, then the results of the speed runs."""
    lines = []
    if record["training"]:
        lines += ["| training | images/s | / timm | fraction of peak | device MiB | first turn s |"]
        lines += ["|---|---|---|---|---|---|"]
        for case in record["training"]:
            for name in case["turns"]:
                lines.append(f"| {' | '.join(cells(case, name, record['peak_tflops']))} |")
        lines.append("")
    if record["speed_runs"]:
        lines += [*speed_run_table(record["speed_runs"]), ""]
    return [*lines, *device_lines(record)]


def cells(case: dict[str, Any], name: str, peak: float | None) -> list[str]:
    """Returns the cells of an engine's row."""
    own, timm = case["turns"][name], case["turns"].get("timm")
    images = case["batch"] * case["updates"]
    rate = images / statistics.median(each["seconds"] for each in own[1:])
    ratio = "-"
    if timm and name != "timm":
        pairs = zip(own[1:], timm[1:], strict=True)
        each = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
        ratio = f"{statistics.median(each):.3f} ({min(each):.3f}-{max(each):.3f})"
    counted = case["turns"].get("ours", [{}])[0].get("operations")
    fraction = f"{3 * counted * rate / (1e12 * peak):.3f}" if counted and peak else "-"
    most = [each["device_mib"] for each in own if each["device_mib"] is not None]
    title = (
        f"{case['network']}, {case['size']} px, batch {case['batch']}, {case['precision']}, {name}"
    )
    if own[0].get("compiled") is False:
        title += " (not compiled)"
    memory = f"{max(most):.0f}" if most else "-"
    return [title, f"{rate:.1f}", ratio, fraction, memory, f"{own[0]['seconds']:.1f}"]


def speed_run_table(runs: list[dict[str, Any]]) -> list[str]:
    """Returns the table of times and accuracies over the seeds."""
    target = runs[0]["target"]
    times = [run["reached"] and run["reached"][1] for run in runs]
    rows = {
        f"seconds to {target:g} %": times,
        "seconds of all epochs": [sum(run["train_seconds"]) for run in runs],
        # Only compilation makes the first epoch longer than the others.
        "compilation seconds": [
            run["train_seconds"][0] - statistics.median(run["train_seconds"]) for run in runs
        ],
        "accuracy of the last epoch, %": [100 * run["val_top1"][-1] for run in runs],
    }
    lines = [f"| DAWNBench, {runs[0]['epochs']} epochs | mean | standard deviation | seeds |"]
    lines.append("|---|---|---|---|")
    for title, values in rows.items():
        found = [value for value in values if value is not None]
        mean = f"{statistics.mean(found):.2f}" if found else "-"
        deviation = f"{statistics.stdev(found):.2f}" if len(found) > 1 else "-"
        if len(found) < len(values):
            mean += f" ({len(found)} of {len(values)} reached it)"
        each = ", ".join("-" if value is None else f"{value:.2f}" for value in values)
        lines.append(f"| {title} | {mean} | {deviation} | {each} |")
    return lines


def device_lines(record: dict[str, Any]) -> list[str]:
    """Returns the device descriptions of the driver, JAX and torch, one line each."""
    first = {name: turns[0] for case in record["training"] for name, turns in case["turns"].items()}
    if record["speed_runs"]:
        first["ours"] = record["speed_runs"][0]
    lines = [f"- {name}: {', '.join(turn['device'].values())}" for name, turn in first.items()]
    return [f"- {record['conditions']['gpu'] or 'no nvidia-smi'}", *lines]


def _gpu() -> str | None:
    """Returns the device name and driver from nvidia-smi; None if it is missing."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    name, _, driver = done.stdout.partition("\n")[0].partition(", ")
    return f"{name}, driver {driver}" if driver else None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--peer-python", default=sys.executable, help="interpreter with timm; default: this one"
    )
    parser.add_argument("--engines", nargs="+", choices=("ours", "timm"), default=["ours", "timm"])
    parser.add_argument("--network", default="ResNet50")
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="*",
        default=[160, 224],
        help="side of the images in pixels; empty: no training",
    )
    precisions = ("bfloat16", "float16")
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions)
    parser.add_argument(
        "--batch",
        type=int,
        help="default: 256 for training, and 512 for the speed run, as published",
    )
    parser.add_argument("--updates", type=int, default=50, help="updates per turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--peak-tflops",
        type=float,
        help="peak of the device, for the fraction of peak",
    )
    parser.add_argument("--cifar10", help=".npz file; without it, the speed run is skipped")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=24, help="epochs of the speed run")
    parser.add_argument(
        "--results", type=Path, default=Path("runs/gpu"), help="folder of the partial results"
    )
    parser.add_argument("--json", type=Path, help="file for all results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
