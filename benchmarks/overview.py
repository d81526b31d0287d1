"""First two tables of docs/benchmarks.md: an overview of all figures, and the targets with the results."""

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import input_pipeline
import learning
import steps
from divergence import against_floor

Row = Sequence[str]


def tables(results: Path) -> str:
    """Returns both tables for the available files."""
    figures = [*_pipeline(results), *_steps(results)]
    head = ("", "ours", "peer", "floor", "vs. peer", "vs. floor")
    targets = [*_pipeline_targets(results), *_step_targets(results), *_loss_targets(results)]
    targets += _learning_targets(results)
    return "\n\n".join((_markdown(head, figures), _markdown(("", "target", "result", ""), targets)))


# Target speedup over a peer, by recipe and image source.
PIPELINE_TARGETS = {
    ("A3", "files", "timm"): 1.9,
    ("A1", "files", "timm"): 3.8,
    ("A3", "prepared", "timm"): 6.0,
    ("A1", "prepared", "timm"): 7.0,
    ("A3", "raw", "timm"): 10.0,
    ("A1", "raw", "timm"): 9.0,
    ("A3", "files", "keras_cv"): 3.5,
    ("A1", "files", "keras_cv"): 8.0,
    ("evaluation", "files", "timm"): 1.5,
}


def _pipeline(results: Path) -> Iterator[Row]:
    for row, engines in _read(results / "input_pipeline.json").get("results", {}).items():
        speeds = {
            name: statistics.median(each["images_per_cpu_second"] for each in rounds)
            for name, rounds in engines.items()
        }
        for peer in ("timm", "keras_cv"):
            if peer not in speeds:
                continue
            shown = (f"{speeds[name]:.0f}" for name in ("files", peer, "floor"))
            ratios = (input_pipeline.ratio(engines, "files", other) for other in (peer, "floor"))
            what = f"input pipeline of {row}, images per CPU second; {peer.replace('_', '-')}"
            yield what, *shown, *(f"{ratio:.2f}" for ratio in ratios)


def _steps(results: Path) -> Iterator[Row]:
    for name, found in _read(results / "steps.json").items():
        case, turns = steps.CASES[name], found["turns"]
        for backend in ("tensorflow", "jax"):
            group = next((each for each in case.groups if f"{backend} ours" in each), ())
            for peer in (f"{backend} stock", "timm"):
                if peer not in turns or peer not in group:
                    continue
                named = "Keras" if peer.endswith("stock") else "timm"
                own, floor = turns[f"{backend} ours"], turns.get(f"{backend} by_hand")
                compared = (own, turns[peer], floor)
                shown = (_milliseconds(each, case.updates) if each else "" for each in compared)
                ratios = (f"{_median(own, each):.2f}" if each else "" for each in compared[1:])
                yield f"{steps.described(case)}, {backend}, ms; {named}", *shown, *ratios
    yield from _first(results)


def _first(results: Path) -> Iterator[Row]:
    turns = _read(results / "steps.json").get("ResNet-50", {}).get("turns", {})
    quantities = {
        "imports, s": lambda first, _: first["import_seconds"],
        "imports and first update, s": lambda first, _: first["wall"],
        "peak memory, MiB": lambda _, every: max(turn["peak_mib"] for turn in every),
    }
    for what, of in quantities.items() if turns else ():
        for backend in ("tensorflow", "jax"):
            names = (f"{backend} ours", f"{backend} stock", f"{backend} by_hand")
            own, *others = (of(turns[name][0], turns[name]) for name in names)
            shown = (f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in (own, *others))
            ratios = (f"{other / own:.2f}" for other in others)
            yield f"{what}; ResNet-50, {backend}; Keras", *shown, *ratios


def _pipeline_targets(results: Path) -> Iterator[Row]:
    found = _read(results / "input_pipeline.json").get("results", {})
    for (row, engine, other), least in PIPELINE_TARGETS.items():
        ratio = input_pipeline.ratio(found.get(row, {}), engine, other) if found else None
        if ratio:
            yield _target(
                f"input pipeline of {row}, {engine}, speedup over {other}", ratio, least=least
            )


def _step_targets(results: Path) -> Iterator[Row]:
    found = _read(results / "steps.json")
    networks = [case for case in steps.CASES if case.startswith("ResNet")]
    for case in networks:
        turns = found.get(case, {}).get("turns", {})
        for backend in ("tensorflow", "jax"):
            if f"{backend} ours" not in turns:
                continue
            own = turns[f"{backend} ours"]
            by_hand, stock = (
                _median(own, turns[f"{backend} {name}"]) for name in ("by_hand", "stock")
            )
            yield _target(
                f"{case}, {backend}: time relative to the hand-written step", 1 / by_hand, most=1.03
            )
            yield _target(f"{case}, {backend}: speed relative to stock Keras", stock, least=1.0)
        if "timm" in turns:
            ratio = _median(turns["tensorflow ours"], turns["timm"])
            yield _target(f"{case}, tensorflow: speed relative to timm", ratio, least=0.95)
    if "update" in found and "ResNet-50" in found:
        for backend in ("tensorflow", "jax"):
            times = [
                statistics.median(
                    turn["cpu"] for turn in found[case]["turns"][f"{backend} ours"][1:]
                )
                / steps.CASES[case].updates
                for case in ("update", "ResNet-50")
            ]
            yield _target(
                f"LAMB's fraction of ResNet-50's step, {backend}", times[0] / times[1], most=0.1
            )


def _loss_targets(results: Path) -> Iterator[Row]:
    for folder in sorted((results / "loss_curves").glob("A?")):
        runs = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
        for name, run in runs.items():
            if not name.startswith("timm"):
                first, ratios = against_floor(run, runs, "timm")
                title = f"{folder.name}, {name}, 200 updates compared with timm"
                yield _target(f"{title}: largest ratio to the floor", float(ratios.max()), most=3.0)
                yield _target(f"{title}: first ten losses, relative", first, most=1e-5)


def _learning_targets(results: Path) -> Iterator[Row]:
    found = _read(results / "learning.json").get("top1", {})
    if found and len(found["ours"]) > 1:
        difference, error = learning.difference(found)
        yield _target(
            "A2, learned: difference from timm, in standard errors",
            abs(difference / error),
            most=2.0,
        )


def _target(
    what: str, value: float, *, least: float | None = None, most: float | None = None
) -> Row:
    if least is not None:
        target, met = f"at least {least:g}", value >= least
    else:
        target, met = f"at most {most:g}", value <= most
    return what, target, f"{value:.4g}", "met" if met else "not met"


def _milliseconds(turns: list[dict[str, Any]], updates: int) -> str:
    return f"{1e3 * statistics.median(turn['cpu'] for turn in turns[1:]) / updates:.1f}"


def _median(own: list[dict[str, Any]], other: list[dict[str, Any]]) -> float:
    return statistics.median(steps.times_as_fast(own, other))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _markdown(head: Row, rows: Iterable[Row]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
