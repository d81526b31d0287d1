"""Plain networks get worse with depth, residual ones do not (figures 1, 4 and 6 of the 2015 paper)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from keras_resnet_recipes import plots
from keras_resnet_recipes.applications import NETWORKS
from keras_resnet_recipes.experiments.runs import (
    NOT_MEASURED,
    Log,
    Results,
    Row,
    accuracy_cells,
    shown,
    spread,
    top1_percent,
    train_rows,
)
from keras_resnet_recipes.recipe import Comparison
from keras_resnet_recipes.recipes import He2015CIFAR, Recipe

PLOT = "degradation.png"

# Test errors in per cent: table 6 for CIFAR-10; table 2, ten crops of ImageNet, for 18 and 34 layers.
_PUBLISHED = {
    "Plain18": "27.94",
    "Plain34": "28.54",
    "Plain110": "> 60",
    "ResNet18V1A": "27.88",
    "ResNet34V1A": "25.03",
    "ResNet20": "8.75",
    "ResNet32": "7.51",
    "ResNet44": "7.17",
    "ResNet56": "6.97",
    "ResNet110": "6.43",
}


def degradation(
    dataset: Any,
    validation_data: Any,
    *,
    run_dir: str | Path,
    depths: Sequence[int] = (20, 56),
    recipe: Recipe | None = None,
    seeds: Iterable[int] = (0,),
    distribution: str = "auto",
    verbose: str | int = "auto",
) -> Results:
    """Trains plain and residual networks of several depths, and draws their errors.

    The paper's plain networks have the layers of its residual ones (with shortcuts that have no
    parameters, option A) without their shortcuts. Of plain networks for CIFAR-10 it gives curves, no
    figures but that 110 layers end above 60 % error. Its training error, like the one here, is
    taken on augmented pictures while an epoch runs.

    Every run has a folder, so that the same call goes on where it was stopped.

    Args:
        dataset: As for `Recipe.fit`.
        validation_data: Likewise; the test pictures.
        run_dir: Folder of the run folders, results.json and degradation.png.
        depths: Layers: 20, 32, 44, 56 or 110 for small pictures, 18 or 34 for large ones.
        recipe: How they are trained, whatever its network; `He2015CIFAR()` unless given. Fewer epochs
            want other `step_epochs`, too.
        seeds: Seeds of weights, order and augmentation.
        distribution: As for `Recipe.fit`.
        verbose: Likewise.

    Returns:
        Errors of the last epoch, mean over the seeds, beside the published ones.

    Raises:
        ValueError: If there is no plain network of a depth, or as `Recipe.fit`.
        ImportError: If matplotlib is missing (the extra `plot`).

    >>> import keras_resnet_recipes as krr
    >>> krr.experiments.degradation("cifar10.npz", "cifar10.npz", run_dir="runs", depths=(20, 50))
    Traceback (most recent call last):
    ValueError: `depths` must be different ones of 18, 20, 32, 34, 44, 56, 110; received (20, 50).

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385).
    """
    rows = _rows(recipe or He2015CIFAR(), depths)
    plots.check_matplotlib()
    logs = train_rows(
        rows,
        dataset,
        validation_data,
        run_dir=run_dir,
        seeds=seeds,
        distribution=distribution,
        verbose=verbose,
    )
    half = len(depths)
    panels = [{row.name: logs[row.name] for row in part} for part in (rows[:half], rows[half:])]
    return Results(
        table=Comparison(
            columns=(
                "published %",
                "test error %",
                "standard deviation",
                "training error %",
                "runs",
            ),
            rows={row.name: (*row.published, *_cells(logs[row.name])) for row in rows},
        ),
        logs=logs,
        plot=plots.save_errors(panels, Path(run_dir) / PLOT),
    )


def _rows(recipe: Recipe, depths: Sequence[int]) -> list[Row]:
    known = sorted(int(name.removeprefix("Plain")) for name in NETWORKS if name[:5] == "Plain")
    if not depths or not {*depths} <= {*known} or len({*depths}) < len(depths):
        raise ValueError(
            f"`depths` must be different ones of {', '.join(map(str, known))}; received {depths}."
        )
    names = [*(f"Plain{depth}" for depth in depths), *map(_residual, depths)]
    return [
        Row(name, recipe.replace(network=name), published=(_PUBLISHED.get(name, "a curve only"),))
        for name in names
    ]


def _residual(depth: int) -> str:
    """The residual network whose shortcuts have no parameters: as many weights as the plain one."""
    large = f"ResNet{depth}V1A"
    return large if large in NETWORKS else f"ResNet{depth}"


def _cells(runs: Sequence[Log]) -> tuple[str, ...]:
    test = spread(runs, lambda log: 100 - top1_percent(log))
    if test is None:
        return (*[NOT_MEASURED] * 3, accuracy_cells(runs)[-1])
    training = spread(runs, lambda log: 100 - 100 * log["top1"][-1])
    return (
        shown(test.mean),
        shown(test.deviation),
        shown(training.mean),
        accuracy_cells(runs)[-1],
    )
