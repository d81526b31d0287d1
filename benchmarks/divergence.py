"""How far runs leave a reference run, over how far it leaves itself: what loss curves are compared by.

Training is chaotic. A reference that begins from weights changed by a ten-millionth of themselves shows
how soon rounding becomes visible; that is the floor that other runs are measured with.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

PERTURBATION = 1e-7

Run = dict[str, Any]


def summary(runs: dict[str, Run], reference: str, steps: int) -> list[str]:
    """A line a run: how near its losses are, in shares of the floor up to an update.

    Args:
        runs: By name, dictionaries with `losses`, one an update; the floor is named `reference` + "_floor".
        reference: Name of the run that the others are compared with.
        steps: Updates that count.
    """
    reached = _floor(runs, reference)
    lines = [f"floor: {reached[9]:.1e} by update 10, {reached[steps - 1]:.1e} by {steps}"]
    for name, run in runs.items():
        if name.startswith(reference):
            continue
        first, shares = against_floor(run, runs, reference)
        shares = shares[:steps]
        told = (
            f"{name}: first 10 losses within {first:.1e} (relative); largest share of the floor "
            f"{shares.max():.2f} at update {shares.argmax() + 1}, {shares[-1]:.2f} at {steps}"
        )
        above = np.flatnonzero(shares > 3)
        if len(above):
            most = _largest_so_far(run, runs[reference])[above[-1]]
            told += f"; above 3 in {len(above)}, the last {above[-1] + 1}, until when it is off by {most:.1e} at most"
        lines.append(told)
    return lines


def against_floor(run: Run, runs: dict[str, Run], reference: str) -> tuple[float, np.ndarray]:
    """How far its first ten losses are off at most, relatively; and at each update its share of the floor."""
    shares = _largest_so_far(run, runs[reference]) / _floor(runs, reference)
    losses, expected = (np.array(each["losses"][:10]) for each in (run, runs[reference]))
    return float(abs(losses / expected - 1).max()), shares


def plot(path: Path, runs: dict[str, Run], reference: str) -> None:
    """Losses above, distances from the reference below."""
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
    itself = f"{reference} from itself, weights changed by {PERTURBATION:g}"
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
    # A loss in single precision is not known better than its last bit.
    last_bits = np.spacing(np.array(runs[reference]["losses"], np.float32))
    return np.maximum(_largest_so_far(runs[f"{reference}_floor"], runs[reference]), last_bits)


def _largest_so_far(run: Run, reference: Run) -> np.ndarray:
    # The difference at one update may be 0 by chance: the largest so far is what chaos has reached.
    return np.maximum.accumulate(abs(np.array(run["losses"]) - np.array(reference["losses"])))
