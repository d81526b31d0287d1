"""What each ingredient of a recipe is worth."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.experiments import cumulative
from keras_resnet_recipes.experiments.runs import (
    NOT_MEASURED,
    Results,
    Row,
    Spread,
    accuracy_cells,
    chosen,
    shown,
    spread,
    top1_percent,
    train_rows,
)
from keras_resnet_recipes.recipe import Comparison, leave_one_out
from keras_resnet_recipes.recipes import BagOfTricks, Recipe

if TYPE_CHECKING:
    import keras


def ablate(
    recipe: Recipe,
    dataset: Any,
    validation_data: Any,
    *,
    run_dir: str | Path,
    rows: Sequence[str] | None = None,
    seeds: Iterable[int] = (0,),
    teacher: "keras.Model | None" = None,
    distribution: str = "auto",
    verbose: str | int = "auto",
) -> Results:
    """Trains a recipe and what is left of it, and tells what each ingredient is worth.

    Of `BagOfTricks` these are the rows of the paper's cumulative tables, one trick more in each,
    beside its figures; the recipe's `epochs` are those of the last row, with MixUp, and the others have
    120 of its 200. What could not be read in the paper, but was recalled of it, is marked "?". Of any
    other recipe it is the whole of it, and then each ingredient off, one at a time.

    Every run has a folder, so that the same call goes on where it was stopped.

    Args:
        recipe: The recipe, of the size wanted: `krr.A2(network="ResNet18", epochs=30, ...)`.
        dataset: As for `Recipe.fit`.
        validation_data: Likewise; accuracies are of it, after the last epoch.
        run_dir: Folder of the run folders and results.json.
        rows: Names of the rows to train, as the table has them; all unless given.
        seeds: Seeds of weights, order and augmentation; one alone does not tell noise from gain.
        teacher: As for `Recipe.fit`: of `BagOfTricks` the rows that are named after it learn from it, and are
            not trained without; of any other recipe all do.
        distribution: As for `Recipe.fit`.
        verbose: Likewise.

    Returns:
        Mean and standard deviation of the top-1 of each row, and the difference that it makes.

    Raises:
        ValueError: If there is no such row, or as `Recipe.fit`.

    >>> import keras_resnet_recipes as krr
    >>> krr.experiments.ablate(krr.A3(), "flowers", "flowers", run_dir="runs", rows=["without pad"])
    Traceback (most recent call last):
    ValueError: `rows` must be of 'A3', 'without zero_gamma', ... received 'without pad'...

    References:
        He, T. et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks"
        (arXiv:1812.01187), tables 3, 4, 5 and 6.
    """
    paper = isinstance(recipe, BagOfTricks)
    taught = teacher is not None
    study, notes = cumulative.rows(recipe, taught) if paper else (one_off(recipe), ())
    if not paper:
        study = tuple(dataclasses.replace(row, taught=taught) for row in study)
    study = chosen(study, rows)
    logs = train_rows(
        study,
        dataset,
        validation_data,
        run_dir=run_dir,
        seeds=seeds,
        teacher=teacher,
        distribution=distribution,
        verbose=verbose,
    )
    top1 = {name: spread(runs, top1_percent) for name, runs in logs.items()}
    if paper:
        gains = cumulative.gains(study, top1)
        columns = ("published", "gain", "top-1 %", "standard deviation", "runs", "gain")
    else:
        gains = {name: _difference(top1[name], top1.get(study[0].name)) for name in top1}
        columns = ("top-1 %", "standard deviation", "runs", f"against {study[0].name}")
    table = {
        row.name: (
            *row.published,
            *accuracy_cells(logs.get(row.name, ())),
            gains.get(row.name, NOT_MEASURED),
        )
        for row in study
    }
    return Results(table=Comparison(columns, table), logs=logs, notes=notes)


def one_off(recipe: Recipe) -> tuple[Row, ...]:
    """The recipe, and the recipe without each of its ingredients.

    >>> import keras_resnet_recipes as krr
    >>> [row.name for row in one_off(krr.He2015CIFAR())]
    ['He2015CIFAR', 'without weight_decay', 'without pad_and_crop', 'without random_flip']
    """
    rows = (Row(f"without {name}", one) for name, one in leave_one_out(recipe).items())
    return Row(type(recipe).__name__, recipe), *rows


def _difference(one: Spread | None, other: Spread | None) -> str:
    if one is None or other is None or one is other:
        return "" if one is other else NOT_MEASURED
    return shown(one.mean - other.mean, signed=True)
