"""Experiments: rows of a table, each trained with several seeds in separate run folders."""

import dataclasses
import gc
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_resnet_recipes.experiments.spread import Log, compared
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import closest
from keras_resnet_recipes.recipe import Comparison
from keras_resnet_recipes.recipes import Recipe
from keras_resnet_recipes.runs.log import monitored
from keras_resnet_recipes.training import determinism
from keras_resnet_recipes.training.build import dtype_policy, resolved_precision

RESULTS = "results.json"


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


def _model(row: Row, seed: int) -> keras.Model | None:
    """Builds the row's own network, with the seed set."""
    if row.model is None:
        return None
    with determinism.seeded(seed), dtype_policy(resolved_precision(row.recipe)):
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
        temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _summary(log: Log) -> dict[str, float]:
    """Returns metrics of the last epoch, best accuracy and total seconds; empty for a failed run."""
    if not log:
        return {}
    summary = {"epochs": len(log["loss"]), **{name: values[-1] for name, values in log.items()}}
    if name := monitored(log):
        summary[f"best_{name}"] = max(log[name])
    if "seconds" in log:
        summary["seconds"] = sum(log["seconds"])
    return summary
