"""What each ingredient of a recipe is worth."""

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
    """Trains a recipe and the recipe without each of its ingredients, and tells what each is worth.

    Every run has a folder, so that the same call resumes where it was stopped.

    Args:
        recipe: The recipe, of the size wanted: `krr.A2(network="ResNet18", epochs=30, ...)`.
        dataset: As for `Recipe.fit`.
        validation_data: Likewise; accuracies are of it, after the last epoch.
        run_dir: Folder of the run folders and results.json.
        rows: Names of the rows to train, as the table has them; all unless given.
        seeds: Seeds of weights, order and augmentation; one alone does not tell noise from gain.
        teacher: As for `Recipe.fit`, of all rows.
        distribution: As for `Recipe.fit`.
        verbose: Likewise.

    Returns:
        Mean and standard deviation of the top-1 of each row, and the difference against the first.

    Raises:
        ValueError: If there is no such row, or as `Recipe.fit`.

    >>> import keras_resnet_recipes as krr
    >>> krr.experiments.ablate(krr.A3(), "flowers", "flowers", run_dir="runs", rows=["without padding"])
    Traceback (most recent call last):
    ValueError: `rows` must be of 'A3', 'without zero_gamma', ... received 'without padding'...
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
    """The recipe, and the recipe without each of its ingredients.

    >>> import keras_resnet_recipes as krr
    >>> [row.name for row in one_off(krr.He2015CIFAR())]
    ['He2015CIFAR', 'without weight_decay', 'without pad_and_crop', 'without random_flip']
    """
    rows = (Row(f"without {name}", one) for name, one in leave_one_out(recipe).items())
    return Row(type(recipe).__name__, recipe), *rows
