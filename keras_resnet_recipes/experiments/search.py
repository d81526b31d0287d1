"""The architecture search of David Page's speed run: where to put more layers into a short network."""

import itertools
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from keras_resnet_recipes.applications.dawnbench import backbone_features, dawnbench_network
from keras_resnet_recipes.applications.network import Network
from keras_resnet_recipes.experiments.runs import (
    NOT_MEASURED,
    Log,
    Results,
    Row,
    accuracy_cells,
    chosen,
    shown,
    spread,
    train_rows,
)
from keras_resnet_recipes.recipe import Comparison
from keras_resnet_recipes.recipes import DAWNBench, Recipe

# Top-1 in per cent and seconds on one V100. The mean of ten runs of each network was published as a
# picture, whose points cannot be read off; these two stand in the text beside it.
_PUBLISHED = {"backbone": ("91.1", "47"), "Residual:L1+L3": ("93.8", "66")}
_NOT_PUBLISHED = "a picture only"


def architecture_search(
    dataset: Any,
    validation_data: Any,
    *,
    run_dir: str | Path,
    epochs: int = 20,
    recipe: Recipe | None = None,
    rows: Sequence[str] | None = None,
    seeds: Iterable[int] = (0,),
    distribution: str = "auto",
    verbose: str | int = "auto",
) -> Results:
    """Trains the 15 networks of the search, and prints their accuracy and time.

    The backbone has four convolutions, each with batch norm, and halves the picture three times.
    After each of these a convolution more (`Extra`), or a branch of two (`Residual`), can stand: seven
    choices each. Page ran each network ten times, with a standard deviation of 0.15 points a run.

    Every run has a folder, so that the same call goes on where it was stopped.

    Args:
        dataset: As for `Recipe.fit`; the search was made with CIFAR-10.
        validation_data: Likewise.
        run_dir: Folder of the run folders and results.json.
        epochs: Epochs of each run. Where the schedule is piecewise linear, the rate rises in their
            first fifth and falls to 0 in the others, as in the search.
        recipe: How they are trained, whatever its network, the fields of ResNet9 alone and its
            epochs; `DAWNBench()` unless given.
        rows: Names of the networks to train, such as `"Residual:L1+L3"`; all unless given.
        seeds: Seeds of weights, order and augmentation.
        distribution: As for `Recipe.fit`.
        verbose: Likewise.

    Returns:
        Mean and standard deviation of the top-1 after the last epoch, and the seconds of a run, its
        evaluations and its compilation included.

    Raises:
        ValueError: If there is no such network, or as `Recipe.fit`.

    >>> from keras_resnet_recipes.experiments.search import NETWORKS
    >>> list(NETWORKS)[:4], len(NETWORKS)
    (['backbone', 'Extra:L1', 'Extra:L2', 'Extra:L3'], 15)

    References:
        Page, "How to Train Your ResNet", part 4; `experiments.ipynb` in davidcpage/cifar10-fast.
    """
    recipe = _scheduled(recipe or DAWNBench(), epochs)
    study = [
        Row(name, recipe, network, _PUBLISHED.get(name, (_NOT_PUBLISHED, _NOT_PUBLISHED)))
        for name, network in NETWORKS.items()
    ]
    study = chosen(study, rows)
    logs = train_rows(
        study,
        dataset,
        validation_data,
        run_dir=run_dir,
        seeds=seeds,
        distribution=distribution,
        verbose=verbose,
    )
    columns = ("published top-1 %", "s", "top-1 %", "standard deviation", "runs", "s")
    table = {row.name: (*row.published, *_cells(logs.get(row.name, ()))) for row in study}
    return Results(table=Comparison(columns, table), logs=logs)


def _networks() -> dict[str, Network]:
    """The search's names with the functions that build the networks."""
    choices = [layers for count in (1, 2, 3) for layers in itertools.combinations((1, 2, 3), count)]
    found = {"backbone": _network("Backbone", ())}
    for kind in ("Extra", "Residual"):
        for layers in choices:
            name = f"{kind}:{'+'.join(f'L{layer}' for layer in layers)}"
            found[name] = _network(name.replace(":", "").replace("+", ""), layers, kind)
    return found


def _network(name: str, layers: tuple[int, ...], kind: str = "Extra") -> Network:
    return dawnbench_network(
        name,
        summary=f"{name} of the search that ended with ResNet-9.",
        features=partial(backbone_features, **{kind.lower(): layers}),
    )


NETWORKS = _networks()


def _scheduled(recipe: Recipe, epochs: int) -> Recipe:
    if recipe.schedule != "piecewise_linear":
        return recipe.replace(epochs=epochs)
    return recipe.replace(
        epochs=epochs, knot_epochs=(0, epochs / 5, epochs), knot_factors=(0, 1, 0)
    )


def _cells(runs: Sequence[Log]) -> tuple[str, ...]:
    seconds = spread(runs, lambda log: sum(log["seconds"]))
    return (*accuracy_cells(runs), NOT_MEASURED if seconds is None else shown(seconds.mean, 0))
