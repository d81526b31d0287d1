"""Differences of training on several replicas from one device, for every combination of settings.

    python -m tests.distribution.parity                          prints the table
    python -m tests.distribution.parity docs/distribution.md     writes it between the file's two marks

Each cell trains the tiny ResNet of train_cell.py for four updates. Its reference is a plain loop on one
device without any repair, which applies the mean gradient of all shards. A shard is the part of a batch that
BatchNorm normalizes together: the images of one replica (`replica`), or of all replicas (`synchronized`), in
one micro-batch.
"""

import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
CLIP = (
    0.05  # less than the gradient's norm in every update; LAMB's default 1.0 would never clip here
)
SETTINGS = {
    "optimizer": ("sgd", "lamb"),
    "clip": (CLIP, None),
    "accumulation": (1, 2),
    "precision": ("float32", "mixed_float16"),
    "batch_norm": ("replica", "synchronized"),
}
REPLICAS = (1, 2, 4)
CELLS = [
    dict(zip(SETTINGS, values, strict=True)) for values in itertools.product(*SETTINGS.values())
]
STOCK = [(optimizer, CLIP, 1, "float32", "synchronized") for optimizer in SETTINGS["optimizer"]]
MARKS = ("<!-- make parity-table: from here -->", "<!-- make parity-table: to here -->")


def reference(cell: dict[str, Any], replicas: int) -> dict[str, Any]:
    """Returns the cell that trains the same on one device as this one on a number of replicas."""
    normalized_alone = replicas if cell["batch_norm"] == "replica" else 1
    shards = cell["accumulation"] * normalized_alone
    # `batch_norm` is kept, because on one device the two also compute the variance by different formulas.
    return {**cell, "accumulation": 1, "shards": shards}


def bound(cell: dict[str, Any]) -> float | None:
    """Returns the largest deviation allowed, relative to the movement; with None it is only reported."""
    if cell["precision"] == "float32":
        return 1e-4  # float32 sums in another order
    # Rounding to float16 changes the sign of small gradients, and LAMB's first steps depend on signs alone.
    return 1e-2 if cell["optimizer"] == "sgd" else None


def deviation(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Returns the largest difference between weights, relative to the largest movement of `one`."""
    movement = np.abs(one["after"] - one["before"]).max()
    return float(np.abs(one["after"] - other["after"]).max() / movement)


def train(cells: list[dict[str, Any]], replicas: int, timeout: int = 1500) -> list[dict[str, Any]]:
    """Returns the results of train_cell.py, run in one process for all cells."""
    program = Path(__file__).parent / "train_cell.py"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.npz"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(program), str(replicas), str(path)],
            input=json.dumps(cells),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(path) as arrays:
            flat = dict(arrays)
    results = [{} for _ in cells]
    for name, values in flat.items():
        number, key = name.split("/")
        results[int(number)][key] = values
    return results


def compare(
    cells: list[dict[str, Any]], replicas: int
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Yields for each cell its results on a number of replicas, and those of its reference."""
    references = [reference(cell, replicas) for cell in cells]
    unique = [one for index, one in enumerate(references) if one not in references[:index]]
    results = train([*cells, *unique], replicas)
    for cell, result in zip([*cells, *unique], results, strict=True):
        assert "error" not in result, f"{cell} on {replicas} replicas: {result['error']}"
    alone = results[len(cells) :]
    return [
        (result, alone[unique.index(one)]) for result, one in zip(results, references, strict=False)
    ]


def table() -> str:
    """Trains every cell, and some with stock Keras; returns the results as Markdown."""
    found, norms = {}, []
    for replicas in REPLICAS:
        for cell, (result, one) in zip(CELLS, compare(CELLS, replicas), strict=True):
            check(cell, replicas, result, one)
            found[key(cell), replicas] = deviation(one, result), one
            norms.append(result["norms"])
    stock = [{**cell, "stock": True} for cell in CELLS if key(cell) in STOCK]
    for replicas in REPLICAS[1:]:
        for cell, (result, one) in zip(stock, compare(stock, replicas), strict=True):
            found[key(cell), replicas, "stock"] = deviation(one, result), one
    norms = np.concatenate(norms)
    return "\n\n".join(
        (
            f"Python {platform.python_version()}, TensorFlow {version('tensorflow')}, Keras "
            f"{version('keras')}, CPU.\nGlobal norms before clipping, in all updates of all cells: "
            f"{norms.min():.2f} to {norms.max():.2f}; the limit, where there is one, is {CLIP}.",
            rows(found),
            stock_rows(found),
        )
    )


def check(cell: dict[str, Any], replicas: int, result: dict[str, Any], one: dict[str, Any]) -> None:
    """Raises AssertionError unless a cell is within its bound, and gradients were clipped."""
    what = f"{cell} on {replicas} replicas"
    assert result["iterations"] == one["iterations"] == 4, what
    assert np.isfinite(result["after"]).all(), what
    # Every replica clips the sum, in every update.
    assert result["norms"].shape == (4 * replicas,), what
    assert result["norms"].min() > 2 * CLIP, what
    assert (np.ptp(result["norms"].reshape(4, replicas), axis=1) == 0).all(), what
    limit, far = bound(cell), deviation(one, result)
    assert limit is None or far < limit, f"{what}: {far:.3%} of the movement, not {limit:.2%}"


def key(cell: dict[str, Any]) -> tuple[Any, ...]:
    """Returns the settings of a cell."""
    return tuple(cell[name] for name in SETTINGS)


def rows(found: dict[Any, Any]) -> str:
    """Returns the table of all cells, with the deviation caused by mixed precision alone."""
    lines = [
        "| optimizer | clip | accumulation | precision | BatchNorm | 1 replica | 2 replicas | 4 replicas "
        "| bound | mixed against float32, one device |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        mixed = cell["precision"] != "float32"
        far = [percent(found[key(cell), replicas][0], 4 - 2 * mixed) for replicas in REPLICAS]
        limit = bound(cell)
        exact = found[key({**cell, "precision": "float32"}), 1][1]
        lines.append(
            f"| {cell['optimizer'].upper()} | {cell['clip'] or '–'} | {cell['accumulation']} "
            f"| {cell['precision']} | {cell['batch_norm']} | {' | '.join(far)} "
            f"| {percent(limit, 2) if limit else 'none'} "
            f"| {percent(deviation(exact, found[key(cell), 1][1]), 1) if mixed else ''} |"
        )
    return "\n".join(lines)


def stock_rows(found: dict[Any, Any]) -> str:
    """Returns the results of Keras without repairs for the cells that it can train."""
    lines = ["| stock Keras | 2 replicas | 4 replicas |", "|---|---|---|"]
    for settings in STOCK:
        name = f"{settings[0].upper()}, clip {settings[1]}, float32, BatchNorm {settings[4]}"
        far = [percent(found[settings, replicas, "stock"][0], 1) for replicas in REPLICAS[1:]]
        lines.append(f"| {name} | {' | '.join(far)} |")
    return "\n".join(lines)


def percent(fraction: float, digits: int) -> str:
    """Formats a fraction as a percentage: 0.01 with one digit is "1.0 %"."""
    return f"{100 * fraction:.{digits}f} %"


def main(arguments: list[str]) -> None:
    """Prints the table, or writes it to a file."""
    made = table()
    if not arguments:
        print(made)
        return
    page = Path(arguments[0])
    before, rest = page.read_text().split(MARKS[0])
    page.write_text(f"{before}{MARKS[0]}\n\n{made}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}")


if __name__ == "__main__":
    main(sys.argv[1:])
