"""What a GPU does: training beside timm's, and CIFAR-10 to 94 %, by the wall clock.

    python benchmarks/gpu.py --peer-python PYTHON_WITH_TIMM --cifar10 cifar10.npz --peak-tflops PEAK --json RESULT

Training: ours is `Recipe.fit` of A3 on JAX, metrics and callbacks and all, which crops, mirrors and mixes nothing and
gathers every batch from pictures that lie on the device as bytes. timm is torch: channels last, `torch.compile`,
`torch.autocast` (with a `GradScaler` for float16), timm's network, LAMB and loss, on one batch that lies ready on the
device and in float32: what ours makes of its bytes, timm is spared. Each is a process of its own; they take turns of
`--updates` updates, in another order every round, and both stay in the device's memory. Nothing waits for an update,
and both wait for the last of a turn: the clock of ours is `train_seconds` of `Recipe.fit`, an epoch being a turn; what
comes after an epoch is left out of it. The first turn, with all that is compiled, is told apart. Device memory is the
most that arrays and programs had in use at once, by JAX's and by torch's count.

The share of the roof is the floating-point operations counted, by the time, by `--peak-tflops` (of 10^12 operations a
second, dense, 16 bits, as the maker of the device tells). Counted are two operations for each multiplication with a
weight of a convolution or the last layer, and training as three times the way forward. All else, and so what only moves
memory, takes time and counts as nothing, the same for both.

The speed run is `krr.DAWNBench().fit`, a process a seed; docs/speed-run.md says what is counted. A seed that was
stopped goes on after its last epoch, and compiles again, which counts, too.

Each case and each seed is kept as a file in `--results`: the same command goes on where it stopped. On a machine
without a GPU everything runs on the CPU, which only shows that it does.
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
# Both sides hold a part of the device's memory at once.
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
        made = kept(path, settings, here, lambda case=case: training(case, options))
        record["training"].append(made)
    record["speed_runs"] = []
    for seed in options.seeds if options.cifar10 else ():
        settings = {"seed": seed, "epochs": options.epochs, "batch": options.batch}
        path = options.results / f"speed-run-{seed}.json"
        made = kept(path, settings, here, lambda seed=seed: speed_run(seed, options))
        record["speed_runs"].append(made)
    print("\n".join(table(record)))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def kept(
    path: Path,
    settings: dict[str, Any],
    here: dict[str, Any],
    measure: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """What was measured with these settings on this machine, now or before."""
    machine = {name: here.get(name) for name in ("gpu", "versions", "peer_versions")}
    if path.is_file():
        before = json.loads(path.read_text())
        if {name: before.get(name) for name in (*settings, *machine)} == settings | machine:
            return before
    made = {**settings, **machine, **measure()}
    path.write_text(json.dumps(made, indent=1) + "\n")
    print("measured:", settings, file=sys.stderr, flush=True)
    return made


def training(case: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """All turns of both sides; the first has what is compiled."""
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
    """What a seed reached after each epoch, and how long that took."""
    # A run of other settings is another run.
    folder = options.results / f"speed-run-{seed}-{options.epochs}-{options.batch or 512}"
    words = [options.cifar10, str(folder), str(seed), str(options.epochs)]
    words += [str(options.batch)] if options.batch else []
    command = [sys.executable, str(HERE / "gpu_keras.py"), "speed_run", *words]
    with worker(command, ENVIRONMENT, CORES) as process:
        return answer(process)


def table(record: dict[str, Any]) -> list[str]:
    """A line an engine of each case, then what the speed runs reached."""
    lines = []
    if record["training"]:
        lines += [
            "| training | images/s | / timm | share of the roof | device MiB | first turn s |"
        ]
        lines += ["|---|---|---|---|---|---|"]
        for case in record["training"]:
            for name in case["turns"]:
                lines.append(f"| {' | '.join(cells(case, name, record['peak_tflops']))} |")
        lines.append("")
    if record["speed_runs"]:
        lines += [*speed_run_table(record["speed_runs"]), ""]
    return [*lines, *devices_told(record)]


def cells(case: dict[str, Any], name: str, peak: float | None) -> list[str]:
    """The line of an engine."""
    own, timm = case["turns"][name], case["turns"].get("timm")
    images = case["batch"] * case["updates"]
    rate = images / statistics.median(each["seconds"] for each in own[1:])
    ratio = "-"
    if timm and name != "timm":
        pairs = zip(own[1:], timm[1:], strict=True)
        each = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
        ratio = f"{statistics.median(each):.3f} ({min(each):.3f}-{max(each):.3f})"
    counted = case["turns"].get("ours", [{}])[0].get("operations")
    share = f"{3 * counted * rate / (1e12 * peak):.3f}" if counted and peak else "-"
    most = [each["device_mib"] for each in own if each["device_mib"] is not None]
    title = (
        f"{case['network']}, {case['size']} px, batch {case['batch']}, {case['precision']}, {name}"
    )
    if own[0].get("compiled") is False:
        title += " (not compiled)"
    memory = f"{max(most):.0f}" if most else "-"
    return [title, f"{rate:.1f}", ratio, share, memory, f"{own[0]['seconds']:.1f}"]


def speed_run_table(runs: list[dict[str, Any]]) -> list[str]:
    """Time and accuracy, over the seeds."""
    target = runs[0]["target"]
    times = [run["reached"] and run["reached"][1] for run in runs]
    rows = {
        f"seconds to {target:g} %": times,
        "seconds of all epochs": [sum(run["train_seconds"]) for run in runs],
        # Nothing else makes the first epoch longer than the others.
        "of them to compile": [
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


def devices_told(record: dict[str, Any]) -> list[str]:
    """What the driver, JAX and torch say of the device, a line each."""
    first = {name: turns[0] for case in record["training"] for name, turns in case["turns"].items()}
    if record["speed_runs"]:
        first["ours"] = record["speed_runs"][0]
    lines = [f"- {name}: {', '.join(told['device'].values())}" for name, told in first.items()]
    return [f"- {record['conditions']['gpu'] or 'no nvidia-smi'}", *lines]


def _gpu() -> str | None:
    """Name and driver as nvidia-smi tells them; None where there is none."""
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
        "--sizes", type=int, nargs="*", default=[160, 224], help="none: no training"
    )
    precisions = ("bfloat16", "float16")
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions)
    parser.add_argument(
        "--batch", type=int, help="default: 256, and of the speed run 512, as published"
    )
    parser.add_argument("--updates", type=int, default=50, help="of a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak-tflops", type=float, help="of the device; else no share is told")
    parser.add_argument("--cifar10", help=".npz file; left out, the speed run is")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=24, help="of the speed run")
    parser.add_argument(
        "--results", type=Path, default=Path("runs/gpu"), help="folder of the parts"
    )
    parser.add_argument("--json", type=Path, help="file for everything")
    return parser.parse_args()


if __name__ == "__main__":
    main()
