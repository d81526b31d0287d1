"""Leave-one-out ablation of a recipe."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes.experiments.runs import Results, Row, chosen, train_rows
from keras_resnet_recipes.recipe import leave_one_out
from keras_resnet_recipes.recipes import Recipe

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
    """Trains a recipe and its leave-one-out variants, and compares their accuracies.

    Each run has its own run folder; repeating a call resumes it.

    Args:
        recipe: The recipe, at the size to train: `krr.A2(network="ResNet18", epochs=30, ...)`.
        dataset: As for `Recipe.fit`.
        validation_data: As for `Recipe.fit`; accuracies are measured on it after the last epoch.
        run_dir: Folder for the run folders and results.json.
        rows: Names of the rows of the table to train; by default all.
        seeds: Seeds of weights, shuffling and augmentation. Several are needed to separate effects from noise.
        teacher: As for `Recipe.fit`, for all rows.
        distribution: As for `Recipe.fit`.
        verbose: As for `Recipe.fit`.

    Returns:
        Mean and standard deviation of the top-1 accuracy of each row, and the difference from the first row.

    Raises:
        ValueError: If a row is unknown, or as in `Recipe.fit`.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> krr.experiments.ablate(krr.A3(), "flowers", "flowers", run_dir="runs", rows=["without padding"])
        Traceback (most recent call last):
        ValueError: `rows` must be one or more of 'A3', 'without zero_gamma', ... Received: 'without padding'...
    """
    return train_rows(
        {row.name: row.recipe for row in chosen(one_off(recipe), rows)},
        dataset,
        validation_data,
        run_dir=run_dir,
        seeds=seeds,
        teacher=teacher,
        distribution=distribution,
        verbose=verbose,
    )


def one_off(recipe: Recipe) -> tuple[Row, ...]:
    """Returns the rows of the recipe and its leave-one-out variants.

    Example:
        >>> import keras_resnet_recipes as krr
        >>> [row.name for row in one_off(krr.He2015CIFAR())]
        ['He2015CIFAR', 'without weight_decay', 'without pad_and_crop', 'without random_flip']
    """
    rows = (Row(f"without {name}", variant) for name, variant in leave_one_out(recipe).items())
    return Row(type(recipe).__name__, recipe), *rows
