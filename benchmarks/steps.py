"""Time of a training step: `Recipe.fit` beside a step written by hand, stock Keras and timm.

    python benchmarks/steps.py --peer-python PYTHON_WITH_TIMM --json RESULT

Every engine is a process of its own on `--cores` cores; they take turns of some updates each, in
another order every round. Ratios are medians over the rounds of the ratio of the CPU time of two turns. What a first
update costs (imports, tracing, compiling) is told apart, and so is the memory.

    ours      `Recipe.fit`: callbacks, metrics, progress bar and all; pictures come from memory as they are
    by_hand   the same network, loss and LAMB in a step of ten lines, with nothing around it
    stock     `keras.applications` (ResNet-50; else our network), `keras.optimizers.Lamb`, `Model.fit`
    timm      torch, channels last, timm's network, LAMB and loss
    update    LAMB alone, with gradients that stay as they are
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
CASES = {
    "ResNet50": {"size": 160, "batch": 32, "updates": 2},
    "ResNet18": {"size": 64, "batch": 32, "updates": 6},
    "ResNet20": {"size": 32, "batch": 128, "updates": 6},
}
KERAS = ("ours", "by_hand", "stock", "update")
ENGINES = [f"{backend} {name}" for backend in ("tensorflow", "jax") for name in KERAS] + ["timm"]
WARM_UP = 3

Turn = dict[str, float]


def main() -> None:
    """Measures and prints the table."""
    options = _options()
    results: dict[str, dict[str, list[Turn]]] = {}
    for network in options.networks:
        results[network] = measure(network, options)
        print("\n".join(table(network, results[network])), flush=True)
    if options.json:
        record = {"conditions": conditions(options.peer_python), "results": results}
        options.json.write_text(json.dumps(record, indent=1) + "\n")


def measure(network: str, options: argparse.Namespace) -> dict[str, list[Turn]]:
    """All turns of all engines; the first is the first update."""
    # timm has no network of this size.
    left_out = {"timm"} if network == "ResNet20" or not options.peer_python else set()
    names = [name for name in options.engines if name not in left_out]
    with contextlib.ExitStack() as stack:
        workers, turns = {}, {}
        for name in names:
            process = stack.enter_context(_started(name, network, options))
            workers[name], turns[name] = process, [answer(process)]
            turn(process, WARM_UP)
            print(network, name, turns[name][0], file=sys.stderr, flush=True)
        for number in range(options.rounds):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                turns[name].append(turn(workers[name], CASES[network]["updates"]))
    return turns


def _started(name: str, network: str, options: argparse.Namespace) -> Any:
    backend, _, engine = name.rpartition(" ")
    case = [network, str(CASES[network]["size"]), str(CASES[network]["batch"])]
    python = sys.executable if backend else options.peer_python
    script = "steps_keras.py" if backend else "steps_timm.py"
    environment = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"} if backend else {}
    return worker([python, str(HERE / script), engine, *case], environment, options.cores)


def table(network: str, turns: dict[str, list[Turn]]) -> list[str]:
    """A line an engine."""
    case = CASES[network]
    lines = [f"| {network}, {case['size']} px, batch {case['batch']} | images/s | "]
    lines[0] += "/ by hand | / stock | / timm | import s | first update s | peak MiB |"
    lines.append("|---|---|---|---|---|---|---|---|")
    for name, own in turns.items():
        backend = name.rpartition(" ")[0]
        speeds = [case["batch"] * case["updates"] / each["cpu"] for each in own[1:]]
        others = (f"{backend} by_hand", f"{backend} stock", "timm")
        ratios = [ratio(own, turns.get(other)) for other in others]
        cells = [name, f"{statistics.median(speeds):.1f}", *ratios]
        cells += [f"{own[0]['import_seconds']:.1f}", f"{own[0]['wall']:.1f}"]
        cells.append(f"{max(each['peak_mib'] for each in own):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def ratio(own: list[Turn], other: list[Turn] | None) -> str:
    """How many times as fast, by CPU time: median and range over the rounds."""
    if other is None or other is own:
        return "-"
    each = [theirs["cpu"] / ours["cpu"] for ours, theirs in zip(own[1:], other[1:], strict=True)]
    return f"{statistics.median(each):.3f} ({min(each):.3f}-{max(each):.3f})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="interpreter with timm; left out, timm is")
    parser.add_argument("--networks", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for every turn")
    return parser.parse_args()


if __name__ == "__main__":
    main()
