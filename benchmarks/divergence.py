"""Divergence of runs from a reference run, relative to the divergence of the reference from itself.

Training is chaotic. A reference run from weights perturbed by a relative 1e-7 shows
how soon rounding becomes visible; this is the floor that other runs are compared with.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

PERTURBATION = 1e-7

Run = dict[str, Any]


def summary(runs: dict[str, Run], reference: str, steps: int) -> list[str]:
    """Returns a line per run with the divergence of its losses, relative to the floor.

    Args:
        runs: Dictionaries by name with `losses`, one per update; the floor is named `reference` + "_floor".
        reference: Name of the reference run.
        steps: Number of updates to compare.
    """
    reached = _floor(runs, reference)
    lines = [f"floor: {reached[9]:.1e} by update 10, {reached[steps - 1]:.1e} by {steps}"]
    for name, run in runs.items():
        if name.startswith(reference):
            continue
        first, ratios = against_floor(run, runs, reference)
        ratios = ratios[:steps]
        line = (
            f"{name}: first 10 losses within {first:.1e} (relative); largest ratio to the floor "
            f"{ratios.max():.2f} at update {ratios.argmax() + 1}, {ratios[-1]:.2f} at {steps}"
        )
        above = np.flatnonzero(ratios > 3)
        if len(above):
            most = _largest_so_far(run, runs[reference])[above[-1]]
            line += f"; above 3 in {len(above)} updates, the last being {above[-1] + 1}, "
            line += f"with a difference of at most {most:.1e} until then"
        lines.append(line)
    return lines


def against_floor(run: Run, runs: dict[str, Run], reference: str) -> tuple[float, np.ndarray]:
    """Returns the largest relative difference of the first ten losses, and the ratio to the floor at each update."""
    ratios = _largest_so_far(run, runs[reference]) / _floor(runs, reference)
    losses, expected = (np.array(each["losses"][:10]) for each in (run, runs[reference]))
    return float(abs(losses / expected - 1).max()), ratios


def plot(path: Path, runs: dict[str, Run], reference: str) -> None:
    """Plots the losses above and the differences from the reference below."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 7), sharex=True)
    reached = _floor(runs, reference)
    steps = np.arange(1, len(reached) + 1)
    for name, run in runs.items():
        if name == f"{reference}_floor":
            continue
        above.plot(steps, run["losses"], label=name, linewidth=1)
        if name != reference:
            below.semilogy(
                steps, _largest_so_far(run, runs[reference]), label=f"{name} from {reference}"
            )
    itself = f"{reference} from itself, weights perturbed by {PERTURBATION:g}"
    below.semilogy(steps, reached, "k--", label=itself)
    below.semilogy(steps, 3 * reached, "k:", label="three times that")
    above.set_ylabel("loss of a batch")
    below.set_ylabel("largest difference so far")
    below.set_xlabel("update")
    for axes in (above, below):
        axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _floor(runs: dict[str, Run], reference: str) -> np.ndarray:
    # The resolution of a float32 loss is its last bit.
    last_bits = np.spacing(np.array(runs[reference]["losses"], np.float32))
    return np.maximum(_largest_so_far(runs[f"{reference}_floor"], runs[reference]), last_bits)


def _largest_so_far(run: Run, reference: Run) -> np.ndarray:
    # The running maximum, because the difference at a single update may be 0 by chance.
    return np.maximum.accumulate(abs(np.array(run["losses"]) - np.array(reference["losses"])))
