"""Measures training and evaluation steps: ours, a hand-written step, stock Keras and timm.

    python benchmarks/steps.py --peer-python PYTHON_WITH_TIMM --json RESULT

Every engine is a separate process on `--cores` cores. The engines take turns of a few updates each, in a different
order every round. Ratios are medians over the rounds of the ratio of the CPU times of two turns. The cost of the first
update (imports, tracing, compilation) and the memory are reported separately.

    ours      `Recipe.fit` with callbacks, metrics and progress bar, on images in memory without augmentation
    by_hand   the same network, loss and LAMB in a step of ten lines, without anything else
    stock     `keras.applications` (ResNet-50; else our network with Keras layers), `keras.optimizers.Lamb`, `Model.fit`
    timm      torch, channels last, timm's network, LAMB and loss

In `overhead` the step is so small that its overhead is visible: ours minus `by_hand` is the cost of callbacks, metrics
and progress bar per update. `update` is LAMB alone with constant gradients: ours, Keras' and timm's. In
`evaluation` the engines are `Recipe.evaluate`, the network alone, `Model.evaluate`, and timm's transform and network.
`of 2015` is our network with the stride at the position of `keras.applications`, for equal work.
The `oneDNN` cases set TF_ENABLE_ONEDNN_OPTS=1, which is not TensorFlow's default on some processors.

The engines of one backend take turns with timm, then those of the next backend without it, because not all
fit into memory together. The file is written after each case; cases that are not selected keep their previous results.
"""

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from conditions import conditions
from turns import answer, turn, worker

HERE = Path(__file__).parent
TENSORFLOW = ("tensorflow ours", "tensorflow by_hand", "tensorflow stock")
JAX = ("jax ours", "jax by_hand", "jax stock")


class Case(NamedTuple):
    """A measured case.

    Args:
        what: "training", "update" or "evaluation".
        network: Name in `krr.applications`.
        size: Side of the images in pixels.
        batch: Batch size.
        updates: Batches per turn.
        groups: Groups of engines that take turns.
        onednn: Whether TF_ENABLE_ONEDNN_OPTS=1 is set.
    """

    what: str
    network: str
    size: int
    batch: int
    updates: int
    groups: tuple[tuple[str, ...], ...] = (("timm", *TENSORFLOW), JAX)
    onednn: bool = False


# timm has no ResNet-20, and the hand-written step uses our LAMB.
UPDATE = (("timm", "tensorflow ours", "tensorflow stock"), ("jax ours", "jax stock"))
CASES = {
    "ResNet-50": Case("training", "ResNet50", 160, 32, 2),
    "ResNet-18": Case("training", "ResNet18", 64, 32, 6),
    "ResNet-20": Case("training", "ResNet20", 32, 128, 6, (TENSORFLOW, JAX)),
    "overhead": Case("training", "ResNet20", 8, 2, 300, (TENSORFLOW, JAX)),
    "update": Case("update", "ResNet50", 160, 32, 20, UPDATE),
    "evaluation": Case("evaluation", "ResNet50", 160, 32, 4),
    "ResNet-50, oneDNN": Case(
        "training", "ResNet50", 160, 32, 2, (("timm", *TENSORFLOW),), onednn=True
    ),
    "ResNet-50 of 2015, oneDNN": Case(
        "training", "ResNet50V1", 160, 32, 2, (TENSORFLOW,), onednn=True
    ),
    "ResNet-18, oneDNN": Case(
        "training", "ResNet18", 64, 32, 6, (("timm", *TENSORFLOW),), onednn=True
    ),
    "ResNet-20, oneDNN": Case("training", "ResNet20", 32, 128, 6, (TENSORFLOW,), onednn=True),
}
WARM_UP = 3

Turn = dict[str, float]


def main() -> None:
    """Measures and prints the tables."""
    options = _options()
    file = options.json
    record = json.loads(file.read_text()) if file and file.is_file() else {}
    for case in options.cases:
        turns: dict[str, list[Turn]] = {}
        for group in CASES[case].groups:
            turns |= measure(case, group, options)
        print("\n".join([*table(case, turns), ""]), flush=True)
        record[case] = {"conditions": conditions(options.peer_python), "turns": turns}
        if file:
            file.write_text(json.dumps(record, indent=1) + "\n")


def measure(name: str, group: Sequence[str], options: argparse.Namespace) -> dict[str, list[Turn]]:
    """Measures all turns of a group of engines; the first turn is the first update."""
    case = CASES[name]
    engines = [engine for engine in group if engine != "timm" or options.peer_python]
    with contextlib.ExitStack() as stack:
        workers, turns = {}, {}
        for engine in engines:
            process = stack.enter_context(_started(engine, case, options))
            workers[engine], turns[engine] = process, [answer(process)]
            turn(process, WARM_UP)
            print(name, engine, turns[engine][0], file=sys.stderr, flush=True)
        for number in range(options.rounds):
            shift = number % len(engines)
            for engine in engines[shift:] + engines[:shift]:
                turns[engine].append(turn(workers[engine], case.updates))
    return turns


def _started(name: str, case: Case, options: argparse.Namespace) -> Any:
    backend, _, engine = name.rpartition(" ")
    python = sys.executable if backend else options.peer_python
    script = "steps_keras.py" if backend else "steps_timm.py"
    words = [f"{case.what} {engine}", case.network, str(case.size), str(case.batch)]
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"} if backend else {}
    environment |= {"TF_ENABLE_ONEDNN_OPTS": "1"} if case.onednn else {}
    return worker([python, str(HERE / script), *words], environment, options.cores)


def table(name: str, turns: dict[str, list[Turn]]) -> list[str]:
    """Returns two tables with a row per engine: speed, then the cost of the start and memory."""
    case = CASES[name]
    speeds = ["| | ms per batch | / by hand | / stock | / timm |", "|---|---|---|---|---|"]
    costs = ["| | images/s | import s | first batch s | peak MiB |", "|---|---|---|---|---|"]
    for engine, own in turns.items():
        backend = engine.rpartition(" ")[0]
        seconds = statistics.median(each["cpu"] for each in own[1:]) / case.updates
        # Compare only engines that took turns with each other.
        group = next(group for group in case.groups if engine in group)
        others = (f"{backend} by_hand", f"{backend} stock", "timm")
        compared = (turns.get(each, own) if each in group else own for each in others)
        ratios = [
            "-" if each is own else _with_range(times_as_fast(own, each)) for each in compared
        ]
        rate = "-" if case.what == "update" else f"{case.batch / seconds:.1f}"
        title = engine.replace("_", " ")
        speeds.append(f"| {' | '.join((title, f'{1e3 * seconds:.1f}', *ratios))} |")
        first = (f"{own[0]['import_seconds']:.1f}", f"{own[0]['wall']:.1f}")
        peak = f"{max(each['peak_mib'] for each in own):.0f}"
        costs.append(f"| {' | '.join((title, rate, *first, peak))} |")
    return [f"**{described(case)}**", "", *speeds, "", *costs]


def described(case: Case) -> str:
    """Returns a description of a case."""
    library = ", oneDNN" if case.onednn else ""
    return f"{case.what}{library}, {case.network}, {case.size} px, batch {case.batch}"


def times_as_fast(own: list[Turn], other: list[Turn]) -> list[float]:
    """Returns the speedup over `other` by CPU time, for each round."""
    return [theirs["cpu"] / ours["cpu"] for ours, theirs in zip(own[1:], other[1:], strict=True)]


def _with_range(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="interpreter with timm; without it, timm is skipped")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for every turn")
    return parser.parse_args()


if __name__ == "__main__":
    main()
