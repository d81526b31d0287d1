"""Experiments: rows of a table, each trained with several seeds in separate run folders."""

import dataclasses
import gc
import json
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipe import Comparison
from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.runs.progress import reached
from keras_resnet_recipes.training import determinism
from keras_resnet_recipes.training.build import dtype_policy, resolved_precision

RESULTS = "results.json"
NOT_MEASURED = "not measured"

Log = Mapping[str, Sequence[float]]


@dataclasses.dataclass(frozen=True)
class Row:
    """Row of an experiment.

    Args:
        name: Name in the table.
        recipe: Recipe to train.
        model: Function that builds the network, instead of the recipe's own.
        folder: Subfolder of the experiment's folder; by default derived from the name.
    """

    name: str
    recipe: Recipe
    model: Callable[[], keras.Model] | None = None
    folder: str | None = None

    def run_dir(self, parent: str | Path | None, seed: int) -> Path | None:
        """Returns the run folder of a seed.

        Example:
            >>> import keras_resnet_recipes as krr
            >>> Row("+ linear scaling", krr.A1()).run_dir("runs", seed=3).as_posix()
            'runs/linear-scaling/seed-3'
        """
        if parent is None:
            return None
        folder = self.folder
        if folder is None:
            folder = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        return Path(parent, folder, f"seed-{seed}")


@dataclasses.dataclass(frozen=True)
class Spread:
    """Mean and spread of a metric over several runs.

    Args:
        values: Value of each run, at least one.

    Example:
        >>> spread = Spread((93.5, 94.0, 94.2))
        >>> spread.cells()
        ('93.90', '0.36', '93.50', '94.20')
        >>> Spread((93.5,)).cells()
        ('93.50', 'not measured', '93.50', '93.50')
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation, with n - 1; None for a single run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def cells(self, digits: int = 2) -> tuple[str, str, str, str]:
        """Returns mean, standard deviation, minimum and maximum as text."""
        metrics = (self.mean, self.deviation, min(self.values), max(self.values))
        return tuple(shown(metric, digits) for metric in metrics)


@dataclasses.dataclass(frozen=True)
class Results:
    """Results of an experiment; prints as a table.

    Args:
        table: For each row, the mean top-1 accuracy after the last epoch, its standard deviation, the number of
            runs, and the difference from the first row.
        logs: For each row, the log of each run as in Keras' History, with the `seconds` of each epoch; empty for
            a run whose loss was not finite.
    """

    table: Comparison
    logs: Mapping[str, tuple[Log, ...]]

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__


def train_rows(
    recipes: Mapping[str, Recipe],
    dataset: Any,
    validation_data: Any,
    *,
    run_dir: str | Path,
    seeds: Iterable[int] = (0,),
    models: Mapping[str, Callable[[], keras.Model]] | None = None,
    teacher: keras.Model | None = None,
    distribution: str = "auto",
    verbose: str | int = "auto",
) -> Results:
    """Trains several recipes with several seeds, and compares their accuracies.

    Each run has its own run folder; repeating a call resumes it.

    Args:
        recipes: Recipes by the name of their row.
        dataset: As for `Recipe.fit`.
        validation_data: As for `Recipe.fit`; accuracies are measured on it after the last epoch.
        run_dir: Folder for the run folders and results.json.
        seeds: Seeds of weights, shuffling and augmentation. Several are needed to separate effects from noise.
        models: Functions by the name of their row that build the network, instead of the recipe's own. Each is
            called once per run, with the seed set and under the recipe's precision.
        teacher: As for `Recipe.fit`, for all rows.
        distribution: As for `Recipe.fit`.
        verbose: As for `Recipe.fit`.

    Returns:
        The results; they print as a table.

    Raises:
        ValueError: If rows or seeds are missing or duplicate, a model has no row, or as in `Recipe.fit`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.experiments.train_rows({}, "train", "val", run_dir="runs")
        Traceback (most recent call last):
        ValueError: `recipes` must be one or more rows whose names give different folders. Received: recipes={}
    """
    models = models or {}
    if unknown := models.keys() - recipes.keys():
        raise ValueError(
            f"`models` must have only names of rows, {[*recipes]}. Received: {sorted(unknown)}"
        )
    rows = [Row(name, recipe, models.get(name)) for name, recipe in recipes.items()]
    if not rows or len({row.run_dir("", 0) for row in rows}) < len(rows):
        raise ValueError(
            f"`recipes` must be one or more rows whose names give different folders. Received: recipes={recipes}"
        )

    def fit(row: Row, folder: Path | None, seed: int) -> keras.callbacks.History:
        return row.recipe.fit(
            dataset,
            model=_model(row, seed),
            validation_data=validation_data,
            teacher=teacher,
            run_dir=folder,
            distribution=distribution,
            verbose=verbose,
            seed=seed,
        )

    logs = each_run(rows, fit, run_dir=run_dir, seeds=seeds)
    return Results(table=compared(logs), logs=logs)


def compared(logs: Mapping[str, Sequence[Log]]) -> Comparison:
    """Returns a table of the top-1 accuracy of each row and its difference from the first row.

    Example:
        >>> compared({"A": [{"val_top1": [0.5]}, {"val_top1": [0.75]}], "B": [{"val_top1": [0.75]}, {}]})
           top-1 %  standard deviation  runs    against A
        A  62.50    17.68               2
        B  75.00    not measured        1 of 2  +12.50
    """
    top1 = {name: spread(runs, top1_percent) for name, runs in logs.items()}
    first = next(iter(logs))
    rows = {}
    for name, runs in logs.items():
        row, baseline = top1[name], top1[first]
        gain = None if row is None or baseline is None else row.mean - baseline.mean
        difference = "" if name == first else shown(gain, signed=True)
        rows[name] = (*accuracy_cells(runs), difference)
    return Comparison(("top-1 %", "standard deviation", "runs", f"against {first}"), rows)


def each_run(
    rows: Iterable[Row],
    fit: Callable[[Row, Path | None, int], keras.callbacks.History],
    *,
    run_dir: str | Path | None,
    seeds: Iterable[int],
) -> dict[str, tuple[Log, ...]]:
    """Calls `fit` for every row and seed, writes results.json after each run, and returns the logs by row.

    All rows are trained with one seed before the next, so that an unfinished experiment has a complete table of
    fewer runs. A run whose loss is not finite has an empty log and does not stop the experiment.

    Args:
        rows: Rows of the experiment.
        fit: Function of row, run folder and seed that returns the History of all epochs.
        run_dir: Folder for all run folders; None writes nothing.
        seeds: Seeds, at least one, all different.

    Raises:
        ValueError: If seeds are missing or duplicate, or `fit` raises it.
    """
    rows, seeds = tuple(rows), tuple(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be one or more different numbers. Received: seeds={seeds}")
    logs: dict[str, dict[int, Log]] = {row.name: {} for row in rows}
    for seed in seeds:
        for row in rows:
            print(f"\n{row.name}, seed {seed}:")
            try:
                logs[row.name][seed] = fit(row, row.run_dir(run_dir, seed), seed).history
            except FloatingPointError as error:
                print(f"{row.name}, seed {seed}: {error}")
                logs[row.name][seed] = {}
            # A model and its compiled step form a reference cycle, which would fill the GPU's memory.
            gc.collect()
            if run_dir is not None:
                _write(Path(run_dir), rows, logs)
    return {name: tuple(runs.values()) for name, runs in logs.items()}


def chosen(rows: Sequence[Row], names: Sequence[str] | None) -> tuple[Row, ...]:
    """Returns the rows with the given names, all if `names` is None.

    Raises:
        ValueError: If a name is unknown.
    """
    legal = [row.name for row in rows]
    for name in names or ():
        if name not in legal:
            raise ValueError(
                f"`rows` must be one or more of {', '.join(map(repr, legal))}. "
                f"Received: {name!r}.{closest(name, legal)}"
            )
    return tuple(row for row in rows if names is None or row.name in names)


def spread(logs: Iterable[Log], metric: Callable[[Log], float]) -> Spread | None:
    """Returns the spread of a metric over the completed runs; None if there is none."""
    values = tuple(metric(log) for log in logs if log)
    return Spread(values) if values else None


def shown(metric: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Formats a metric for a table.

    Example:
        >>> shown(0.125), shown(1, signed=True), shown(None)
        ('0.12', '+1.00', 'not measured')
    """
    if metric is None:
        return NOT_MEASURED
    return f"{metric:{'+' if signed else ''}.{digits}f}"


def spreads(logs: Sequence[Log], target_top1: float | None = None) -> Comparison:
    """Returns a table of last and best accuracy over runs of one recipe; without evaluation, of the last loss.

    With a target in percent, it includes the seconds of training until the target, over the runs that reached it.

    Example:
        >>> spreads([{"loss": [2.0, 1.0]}, {"loss": [2.0, 1.5]}])
                            mean    standard deviation  minimum  maximum
        loss, last epoch    1.2500  0.3536              1.0000   1.5000
    """
    if all("val_top1" in log for log in logs if log):
        metrics: dict[str, Callable[[Log], float]] = {
            "top-1, last epoch": lambda log: log["val_top1"][-1],
            "top-1, best epoch": lambda log: max(log["val_top1"]),
        }
    else:
        metrics = {"loss, last epoch": lambda log: log["loss"][-1]}
    found = {name: spread(logs, metric) for name, metric in metrics.items()}
    if target_top1 is not None and "top-1, last epoch" in metrics:
        times = [time for log in logs if log and (time := reached(log, target_top1))]
        name = f"seconds to {target_top1:g} %, {len(times)} of {len(logs)} runs"
        found[name] = Spread(tuple(seconds for _, seconds in times)) if times else None
    return Comparison(
        columns=("mean", "standard deviation", "minimum", "maximum"),
        rows={
            name: (NOT_MEASURED,) * 4 if one is None else one.cells(digits=4)
            for name, one in found.items()
        },
    )


def top1_percent(log: Log) -> float:
    """Returns the validation accuracy after the last epoch, in percent."""
    return 100 * log["val_top1"][-1]


def accuracy_cells(runs: Sequence[Log]) -> tuple[str, str, str]:
    """Returns mean and standard deviation of the top-1 accuracy, and the number of runs, as text."""
    top1 = spread(runs, top1_percent)
    if top1 is None:
        return NOT_MEASURED, NOT_MEASURED, f"0 of {len(runs)}" if runs else "0"
    count = str(len(runs)) if all(runs) else f"{len(top1.values)} of {len(runs)}"
    return shown(top1.mean), shown(top1.deviation), count


def _model(row: Row, seed: int) -> keras.Model | None:
    """Builds the row's own network, with the seed set."""
    if row.model is None:
        return None
    determinism.set_random_seed(seed)
    with dtype_policy(resolved_precision(row.recipe)):
        return row.model()


def _write(run_dir: Path, rows: Sequence[Row], logs: Mapping[str, Mapping[int, Log]]) -> None:
    found = [
        {
            "row": row.name,
            "recipe": repr(row.recipe),
            "runs": [{"seed": seed, **_summary(log)} for seed, log in logs[row.name].items()],
        }
        for row in rows
    ]
    run_dir.mkdir(parents=True, exist_ok=True)
    with replacing(run_dir / RESULTS) as temporary:
        temporary.write_text(json.dumps(found, indent=2) + "\n")


def _summary(log: Log) -> dict[str, float]:
    """Returns metrics of the last epoch, best accuracy and total seconds; empty for a failed run."""
    if not log:
        return {}
    summary = {"epochs": len(log["loss"]), **{name: values[-1] for name, values in log.items()}}
    if "val_top1" in log:
        summary["best_val_top1"] = max(log["val_top1"])
    if "seconds" in log:
        summary["seconds"] = sum(log["seconds"])
    return summary
