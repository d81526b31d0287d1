"""Writes the measurements into the docs: tables between marks, from the JSON files of benchmarks/results.

    python benchmarks/page.py

The files are copied from the output of a benchmark, an example or `krr`. If a file is missing, the page says that
nothing was measured.
"""

import json
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import airbench
import gpu
import input_pipeline
import learning
import memory
import operations
import overview
import repairs
import steps
from divergence import plot, summary

HERE = Path(__file__).parent
RESULTS, DOCS = HERE / "results", HERE.parent / "docs"
PAGES = ("benchmarks.md", "experiments.md", "reached.md")
NOT_MEASURED = "Not measured here."


def main() -> None:
    """Rewrites the pages and plots losses and accuracies."""
    airbench.plot(RESULTS / "airbench94", DOCS / "figures" / "airbench94.png")
    for folder in _folders(RESULTS / "loss_curves"):
        plot(_figure(folder), _runs(folder), "timm")
    for name in PAGES:
        page = DOCS / name
        page.write_text(filled(page.read_text()))


def filled(text: str) -> str:
    """Fills in the tables between `<!-- measured: NAME -->` and `<!-- end -->`."""

    def between(found: re.Match[str]) -> str:
        return f"{found[1]}\n\n{table_of(found[2])}\n\n{found[4]}"

    mark = r"(<!-- measured: ([a-z_0-9]+) -->)(.*?)(<!-- end -->)"
    return re.sub(mark, between, text, flags=re.DOTALL)


def table_of(name: str) -> str:
    """Returns the table of a mark."""
    if name == "overview":
        return overview.tables(RESULTS)
    source = RESULTS / name if (RESULTS / name).is_dir() else RESULTS / f"{name}.json"
    return TABLES[name](source) if source.exists() else NOT_MEASURED


def with_conditions(table: Callable[[Any], list[str]], part: str = "") -> Callable[[Path], str]:
    """Returns a function that renders a file, or a part of it, as a table with its conditions."""

    def render(source: Path) -> str:
        record = json.loads(source.read_text())
        lines = table(record[part] if part else record)
        return "\n".join([*lines, "", conditions_text(record["conditions"])])

    return render


def step_tables(source: Path) -> str:
    """Returns a table per case, then the distinct conditions."""
    cases = json.loads(source.read_text())
    tables = ["\n".join(steps.table(name, case["turns"])) for name, case in cases.items()]
    texts = dict.fromkeys(conditions_text(case["conditions"]) for case in cases.values())
    return "\n\n".join([*tables, *texts])


def divergences(source: Path) -> str:
    """Compares the losses of the runs in each folder with those of the peer, as text and figures."""
    lines, figures = [], []
    for folder in _folders(source):
        runs = _runs(folder)
        count = len(next(iter(runs.values()))["losses"])
        lines += [f"- {folder.name}, {line}" for line in summary(runs, "timm", count)]
        title = f"Losses of {folder.name} compared with timm"
        figures.append(f"![{title}]({_figure(folder).relative_to(DOCS)})")
    return "\n".join([*lines, "", *figures])


def speed_run(source: Path) -> str:
    """Compares the speed run with torch and lists the accuracies."""
    runs = _runs(source)
    lines = [f"- {line}" for line in summary(runs, "torch", 100)]
    for name, run in runs.items():
        reached = ", ".join(f"{100 * value:.1f} %" for value in run["test_accuracies"])
        seconds = run["cpu_seconds"]
        lines.append(f"- {name}: test accuracy {reached}; {seconds:.0f} s of CPU time")
    return "\n".join(lines)


def airbench94(source: Path) -> str:
    """Returns the accuracies of the runs, and their commands by machine."""
    commands: dict[str, list[str]] = {}
    for file in sorted(source.glob("*.json")):
        text = conditions_text(json.loads(file.read_text())["conditions"])
        command, _, machine = text.partition("\n\n")
        commands.setdefault(machine, []).append(command)
    texts = ["\n".join(lines) + f"\n\n{machine}" for machine, lines in commands.items()]
    return "\n\n".join(["\n".join(airbench.table(source)), *texts])


def ffcv_curves(source: Path) -> str:
    """Compares the losses of FFCVResNet18 with torch's."""
    return "\n".join(f"- {line}" for line in summary(_runs(source), "torch", 200))


def degradation(source: Path) -> str:
    """Returns the table of errors in the last epoch."""
    rows = []
    for row in json.loads(source.read_text()):
        (run,) = row["runs"]
        errors = (f"{100 - 100 * run[name]:.1f}" for name in ("val_top1", "top1"))
        rows.append((row["row"], *errors, f"{run['seconds'] / 60:.0f}"))
    return _markdown(("", "test error %", "training error %", "minutes"), rows)


def fine_tuning(source: Path) -> str:
    """Returns the mean top-1 and its standard deviation, one row per preset and one column per data set."""
    tasks = json.loads(source.read_text())["runs"]
    first = next(iter(tasks.values()))
    rows = [(name, *(_mean(task.get(name, {})) for task in tasks.values())) for name in first]
    return _markdown(("", *(f"{task}, top-1 %" for task in tasks)), rows)


def old_and_new(source: Path) -> str:
    """Returns the accuracies of each recipe after the last epoch."""
    rows = []
    for row in json.loads(source.read_text()):
        for run in row["runs"]:
            values = (100 * run[name] for name in ("val_top1", "best_val_top1"))
            minutes = f"{run['seconds'] / 60:.0f}"
            rows.append((row["row"], *(f"{value:.2f}" for value in values), minutes))
    return _markdown(("", "top-1 %", "best epoch", "minutes"), rows)


def _mean(runs: dict[str, Any]) -> str:
    """Formats the mean over seeds and the standard deviation."""
    values = [100 * run["top1"] for run in runs.values()]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}" if values else "not measured"


def conditions_text(conditions: dict[str, Any]) -> str:
    """Returns the command, machine and versions in a few lines."""
    versions = conditions["versions"] | conditions.get("peer_versions", {})
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    cores = "one core" if conditions["cores"] == 1 else f"{conditions['cores']} cores"
    machine = f"{conditions['processor']}, {cores}, {conditions['date']}"
    return f"    {conditions['command']}\n\n{machine}; Python {conditions['python']}, {packages}."


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.glob("*") if path.is_dir())


def _figure(folder: Path) -> Path:
    return DOCS / "figures" / f"loss_curves_{folder.name}.png"


def _runs(folder: Path) -> dict[str, Any]:
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


TABLES: dict[str, Callable[[Path], str]] = {
    "input_pipeline": with_conditions(input_pipeline.table, "results"),
    "operations": with_conditions(operations.table),
    "memory": with_conditions(memory.table, "results"),
    "repairs": with_conditions(repairs.table, "results"),
    "steps": step_tables,
    "learning": with_conditions(learning.table, "top1"),
    "gpu": with_conditions(gpu.table),
    "loss_curves": divergences,
    "speed_run": speed_run,
    "airbench94": airbench94,
    "ffcv": ffcv_curves,
    "degradation": degradation,
    "fine_tuning": fine_tuning,
    "old_and_new": old_and_new,
}


if __name__ == "__main__":
    main()
