"""What experiments share: rows of a table, each trained with several seeds in folders of their own."""

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
    """A line of an experiment.

    Args:
        name: What the table calls it.
        recipe: What is trained.
        model: Makes the network, instead of the recipe's own.
        folder: Its folder within the experiment's; by default made from the name.
    """

    name: str
    recipe: Recipe
    model: Callable[[], keras.Model] | None = None
    folder: str | None = None

    def run_dir(self, parent: str | Path | None, seed: int) -> Path | None:
        """The run folder of a seed.

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
    """One figure of several runs: how much of a difference is noise.

    Args:
        values: The figure of each run, at least one.

    >>> spread = Spread((93.5, 94.0, 94.2))
    >>> spread.cells()
    ('93.90', '0.36', '93.50', '94.20')
    >>> Spread((93.5,)).cells()
    ('93.50', 'not measured', '93.50', '93.50')
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the sample, with n - 1; None of one run."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def cells(self, digits: int = 2) -> tuple[str, str, str, str]:
        """Mean, standard deviation, smallest and largest, as a table shows them."""
        figures = (self.mean, self.deviation, min(self.values), max(self.values))
        return tuple(shown(figure, digits) for figure in figures)


@dataclasses.dataclass(frozen=True)
class Results:
    """What an experiment measured; printing it gives the table.

    Args:
        table: Of each row the mean top-1 after the last epoch, its standard deviation, the number of runs,
            and the difference against the first row.
        logs: Of each row the logs of each run, as Keras' History has them, with the `seconds` of each epoch;
            empty of a run whose loss was not finite.
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

    Every run has a folder, so that the same call resumes where it was stopped.

    Args:
        recipes: The recipe of each row of the table.
        dataset: As for `Recipe.fit`.
        validation_data: Likewise; accuracies are of it, after the last epoch.
        run_dir: Folder of the run folders and results.json.
        seeds: Seeds of weights, order and augmentation; one alone does not tell noise from gain.
        models: By row a function that makes the network to train instead of the recipe's own. It is called
            once per run, with the seed set and in the precision of the recipe.
        teacher: As for `Recipe.fit`, of all rows.
        distribution: As for `Recipe.fit`.
        verbose: Likewise.

    Raises:
        ValueError: If rows or seeds are missing or come twice, a model has no row, or as `Recipe.fit`.

    >>> import keras_resnet_recipes as krr
    >>> krr.experiments.train_rows({}, "train", "val", run_dir="runs")
    Traceback (most recent call last):
    ValueError: `recipes` must be one or more rows with folders of their own; received {}.
    """
    models = models or {}
    if strangers := models.keys() - recipes.keys():
        raise ValueError(
            f"`models` must be of rows in {[*recipes]}; received {sorted(strangers)} beside them."
        )
    rows = [Row(name, recipe, models.get(name)) for name, recipe in recipes.items()]
    if not rows or len({row.run_dir("", 0) for row in rows}) < len(rows):
        raise ValueError(
            f"`recipes` must be one or more rows with folders of their own; received {recipes}."
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
    """Top-1 of each row, and its difference against the first.

    >>> compared({"A": [{"val_top1": [0.5]}, {"val_top1": [0.75]}], "B": [{"val_top1": [0.75]}, {}]})
       top-1 %  standard deviation  runs    against A
    A  62.50    17.68               2
    B  75.00    not measured        1 of 2  +12.50
    """
    top1 = {name: spread(runs, top1_percent) for name, runs in logs.items()}
    first = next(iter(logs))
    rows = {}
    for name, runs in logs.items():
        one, other = top1[name], top1[first]
        gain = None if one is None or other is None else one.mean - other.mean
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
    """Calls `fit` for every row and seed, and writes results.json whenever a run has ended.

    All rows come with the first seed before any with the second, so that an unfinished experiment has
    a whole table of few runs. A run whose loss is not finite has no figures, and the others go on.

    Args:
        rows: The rows.
        fit: From row, run folder and seed to the History of all epochs.
        run_dir: Folder of all run folders; None writes nothing.
        seeds: The seeds, at least one.

    Raises:
        ValueError: If there is no seed or one comes twice, or `fit` raises it.
    """
    rows, seeds = tuple(rows), tuple(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be one or more different numbers; received {seeds}.")
    logs: dict[str, dict[int, Log]] = {row.name: {} for row in rows}
    for seed in seeds:
        for row in rows:
            print(f"\n{row.name}, seed {seed}:")
            try:
                logs[row.name][seed] = fit(row, row.run_dir(run_dir, seed), seed).history
            except FloatingPointError as error:
                print(f"{row.name}, seed {seed}: {error}")
                logs[row.name][seed] = {}
            # A network and its compiled step refer to each other, and one GPU does not hold many.
            gc.collect()
            if run_dir is not None:
                _write(Path(run_dir), rows, logs)
    return {name: tuple(runs.values()) for name, runs in logs.items()}


def chosen(rows: Sequence[Row], names: Sequence[str] | None) -> tuple[Row, ...]:
    """The rows that are named; all for None.

    Raises:
        ValueError: If there is no such row.
    """
    legal = [row.name for row in rows]
    for name in names or ():
        if name not in legal:
            raise ValueError(
                f"`rows` must be of {', '.join(map(repr, legal))}; received {name!r}.{closest(name, legal)}"
            )
    return tuple(row for row in rows if names is None or row.name in names)


def spread(logs: Iterable[Log], figure: Callable[[Log], float]) -> Spread | None:
    """A figure of the runs that have one; None if no run has."""
    values = tuple(figure(log) for log in logs if log)
    return Spread(values) if values else None


def shown(figure: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """A figure as a table shows it.

    >>> shown(0.125), shown(1, signed=True), shown(None)
    ('0.12', '+1.00', 'not measured')
    """
    if figure is None:
        return NOT_MEASURED
    return f"{figure:{'+' if signed else ''}.{digits}f}"


def spreads(logs: Sequence[Log], target_top1: float | None = None) -> Comparison:
    """Last and best accuracy of several runs of one recipe; without an evaluation, the last loss.

    With a target in per cent, also the seconds of training until it was reached, of the runs that have.

    >>> spreads([{"loss": [2.0, 1.0]}, {"loss": [2.0, 1.5]}])
                        mean    standard deviation  minimum  maximum
    loss, last epoch    1.2500  0.3536              1.0000   1.5000
    """
    if all("val_top1" in log for log in logs if log):
        figures: dict[str, Callable[[Log], float]] = {
            "top-1, last epoch": lambda log: log["val_top1"][-1],
            "top-1, best epoch": lambda log: max(log["val_top1"]),
        }
    else:
        figures = {"loss, last epoch": lambda log: log["loss"][-1]}
    found = {name: spread(logs, figure) for name, figure in figures.items()}
    if target_top1 is not None and "top-1, last epoch" in figures:
        times = [found_at for log in logs if log and (found_at := reached(log, target_top1))]
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
    """Accuracy on the evaluation pictures after the last epoch, in per cent."""
    return 100 * log["val_top1"][-1]


def accuracy_cells(runs: Sequence[Log]) -> tuple[str, str, str]:
    """Mean of the top-1, its standard deviation, and of how many runs."""
    top1 = spread(runs, top1_percent)
    if top1 is None:
        return NOT_MEASURED, NOT_MEASURED, f"0 of {len(runs)}" if runs else "0"
    count = str(len(runs)) if all(runs) else f"{len(top1.values)} of {len(runs)}"
    return shown(top1.mean), shown(top1.deviation), count


def _model(row: Row, seed: int) -> keras.Model | None:
    """The row's own network, with the weights of a seed."""
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
    with replacing(run_dir / RESULTS) as aside:
        aside.write_text(json.dumps(found, indent=2) + "\n")


def _summary(log: Log) -> dict[str, float]:
    """The figures of the last epoch, the best accuracy and the seconds of all; none of a broken run."""
    if not log:
        return {}
    figures = {"epochs": len(log["loss"]), **{name: values[-1] for name, values in log.items()}}
    if "val_top1" in log:
        figures["best_val_top1"] = max(log["val_top1"])
    if "seconds" in log:
        figures["seconds"] = sum(log["seconds"])
    return figures
