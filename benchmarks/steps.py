"""Time of a training step and of evaluation: ours beside code written by hand, stock Keras and timm.

    python benchmarks/steps.py --peer-python PYTHON_WITH_TIMM --json RESULT

Every engine is a process of its own on `--cores` cores; they take turns of some updates each, in another order every
round. Ratios are medians over the rounds of the ratio of the CPU time of two turns. What a first update costs
(imports, tracing, compiling) is told apart, and so is the memory.

    ours      `Recipe.fit`: callbacks, metrics, progress bar and all; pictures come from memory as they are
    by_hand   the same network, loss and LAMB in a step of ten lines, with nothing around it
    stock     `keras.applications` (ResNet-50; else our network), `keras.optimizers.Lamb`, `Model.fit`
    timm      torch, channels last, timm's network, LAMB and loss

`overhead` is so small a step that what is around it is seen: ours less `by_hand` is what callbacks, metrics and the
progress bar cost an update. `update` is LAMB alone, with gradients that stay as they are: ours, Keras' and timm's. In
`evaluation` the engines are `Recipe.evaluate`, the network alone, `Model.evaluate`, and timm's transform and network.
With `oneDNN` TensorFlow runs under TF_ENABLE_ONEDNN_OPTS=1, which on some processors it does not by itself.

The engines of one backend take turns with timm, then those of the next without it: together they do not fit into
memory. The file is written after each case; cases that are not asked for stay in it as they were.
"""

import argparse
import contextlib
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from conditions import conditions
from turns import answer, turn, worker

HERE = Path(__file__).parent
# What is done, network, pixels, batch; and how many batches are a turn.
CASES: dict[str, tuple[str, str, int, int, int]] = {
    "ResNet-50": ("training", "ResNet50", 160, 32, 2),
    "ResNet-18": ("training", "ResNet18", 64, 32, 6),
    "ResNet-20": ("training", "ResNet20", 32, 128, 6),
    "overhead": ("training", "ResNet20", 8, 2, 300),
    "update": ("update", "ResNet50", 160, 32, 20),
    "evaluation": ("evaluation", "ResNet50", 160, 32, 4),
    "ResNet-50, oneDNN": ("training", "ResNet50", 160, 32, 2),
    "ResNet-18, oneDNN": ("training", "ResNet18", 64, 32, 6),
}
KERAS = ("ours", "by_hand", "stock")
GROUPS = [["timm", *(f"tensorflow {name}" for name in KERAS)], [f"jax {name}" for name in KERAS]]
WARM_UP = 3

Turn = dict[str, float]


def main() -> None:
    """Measures and prints the table."""
    options = _options()
    file = options.json
    record = json.loads(file.read_text()) if file and file.is_file() else {}
    for case in options.cases:
        turns: dict[str, list[Turn]] = {}
        for group in GROUPS:
            turns |= measure(case, group, options)
        print("\n".join([*table(case, turns), ""]), flush=True)
        record[case] = {"conditions": conditions(options.peer_python), "turns": turns}
        if file:
            file.write_text(json.dumps(record, indent=1) + "\n")


def measure(case: str, group: list[str], options: argparse.Namespace) -> dict[str, list[Turn]]:
    """All turns of the engines of a group; the first is the first update."""
    what, network, _, _, updates = CASES[case]
    # timm has no ResNet-20.
    left_out = {"timm"} if network == "ResNet20" or not options.peer_python else set()
    if "oneDNN" in case:
        left_out |= {name for name in group if name.startswith("jax")}
    if what == "update":
        left_out |= {name for name in group if name.endswith("by_hand")}
    names = [name for name in group if name not in left_out]
    with contextlib.ExitStack() as stack:
        workers, turns = {}, {}
        for name in names:
            process = stack.enter_context(_started(name, case, options))
            workers[name], turns[name] = process, [answer(process)]
            turn(process, WARM_UP)
            print(case, name, turns[name][0], file=sys.stderr, flush=True)
        for number in range(options.rounds):
            shift = number % max(len(names), 1)
            for name in names[shift:] + names[:shift]:
                turns[name].append(turn(workers[name], updates))
    return turns


def _started(name: str, case: str, options: argparse.Namespace) -> Any:
    backend, _, engine = name.rpartition(" ")
    python = sys.executable if backend else options.peer_python
    script = "steps_keras.py" if backend else "steps_timm.py"
    what, network, size, batch, _ = CASES[case]
    words = [python, str(HERE / script), f"{what} {engine}", network, str(size), str(batch)]
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"} if backend else {}
    environment |= {"TF_ENABLE_ONEDNN_OPTS": "1"} if "oneDNN" in case else {}
    return worker(words, environment, options.cores)


def table(case: str, turns: dict[str, list[Turn]]) -> list[str]:
    """A line an engine."""
    what, network, size, batch, updates = CASES[case]
    library = ", oneDNN" if "oneDNN" in case else ""
    lines = [f"| {what}{library}, {network}, {size} px, batch {batch} | ms a batch | images/s | "]
    lines[0] += "/ by hand | / stock | / timm | import s | first batch s | peak MiB |"
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for name, own in turns.items():
        backend = name.rpartition(" ")[0]
        seconds = statistics.median(each["cpu"] for each in own[1:]) / updates
        # Only beside what took turns with it.
        others = [f"{backend} by_hand", f"{backend} stock", "timm" if backend != "jax" else ""]
        beside = (turns.get(each, own) for each in others)
        ratios = ["-" if each is own else _told(times_as_fast(own, each)) for each in beside]
        rate = "-" if what == "update" else f"{batch / seconds:.1f}"
        cells = [name.replace("_", " "), f"{1e3 * seconds:.1f}", rate, *ratios]
        cells += [f"{own[0]['import_seconds']:.1f}", f"{own[0]['wall']:.1f}"]
        cells.append(f"{max(each['peak_mib'] for each in own):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def times_as_fast(own: list[Turn], other: list[Turn]) -> list[float]:
    """By CPU time, in each round."""
    return [theirs["cpu"] / ours["cpu"] for ours, theirs in zip(own[1:], other[1:], strict=True)]


def _told(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="interpreter with timm; left out, timm is")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for every turn")
    return parser.parse_args()


if __name__ == "__main__":
    main()
