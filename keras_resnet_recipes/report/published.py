"""Whether the published accuracy of a recipe applies to a run."""

from keras_resnet_recipes.names import printable
from keras_resnet_recipes.recipe import compare, table_rows
from keras_resnet_recipes.recipe.source import DATASETS
from keras_resnet_recipes.report.folder import Run

# Names of changed values that are listed.
_LISTED = 6


def published_note(run: Run) -> str | None:
    """Returns a sentence on the published figure of a run's recipe, None if there is none.

    Data set, network and values of the recipe are compared. Values of the group "execution", such as `precision` and
    `gradient_accumulation_steps`, do not count.

    Args:
        run: The run.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> from keras_resnet_recipes.report import read_run
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = krr.A3(network="ResNet18", classes=1000).to_json(folder + "/recipe.json")
        ...     print(published_note(read_run(folder)))
        The published top-1 accuracy of A3, 78.1 % on ImageNet-1k, is not comparable because the data set is not
        recorded, the network is ResNet18 instead of ResNet50, and the run is not finished.
    """
    kind = type(run.recipe)
    if kind.published_top1 is None:
        return None
    figure = f"The published top-1 accuracy of {kind.__name__}, {run.recipe.published} % on {kind.published_on},"
    reasons = [*_data(run), *_network(run), *_values(run)]
    if run.state != "finished":
        reasons.append("the run is not finished")
    if reasons:
        return f"{figure} is not comparable because {_listed(reasons)}."
    images, classes = DATASETS[kind.published_on]
    return (
        f"{figure} is comparable: network and recipe are the same, and the data set has {images:,} training images of "
        f"{classes:,} classes, as {kind.published_on} has."
    )


def _data(run: Run) -> list[str]:
    # The name of a data set in a run is that of a file or folder: it is recognized by its numbers.
    published = type(run.recipe).published_on
    images, classes = run.facts.get("images"), run.recipe.classes
    if not isinstance(images, int):
        return ["the data set is not recorded"]
    if DATASETS.get(published) == (images, classes):
        return []
    return [
        f"the data set has {images:,} training images of {classes:,} classes and is not {published}"
    ]


def _network(run: Run) -> list[str]:
    if run.facts.get("own_model"):
        return ["the network was given as `model=`"]
    published = type(run.recipe)().network_name
    if run.recipe.network_name == published:
        return []
    return [f"the network is {run.recipe.network_name} instead of {published}"]


def _values(run: Run) -> list[str]:
    recipe = run.recipe
    groups = {row.name: row.group for row in table_rows(recipe, every_row=True)}
    # Without what does not count or was named.
    apart = {"network": recipe.network, "classes": recipe.classes}
    if recipe.epochs in dict(recipe.published_lengths):
        apart["epochs"] = recipe.epochs
    published = type(recipe)().replace(**apart)
    names = [name for name in compare(published, recipe).rows if groups.get(name) != "execution"]
    if not names:
        return []
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    differ = "differs" if len(names) == 1 else "differ"
    return [
        f"{', '.join(map(printable, names[:_LISTED]))}{more} {differ} from the published recipe"
    ]


def _listed(reasons: list[str]) -> str:
    """Joins reasons with commas and a final "and"."""
    if len(reasons) < 3:
        return " and ".join(reasons)
    return f"{', '.join(reasons[:-1])}, and {reasons[-1]}"
