"""The weights that timm publishes for these networks: where they are, how they are tested."""

import csv
import dataclasses
import functools
import os
from pathlib import Path

import keras

from keras_resnet_recipes.applications.hub import download
from keras_resnet_recipes.applications.weights import checked_path, read_state, set_timm_state
from keras_resnet_recipes.names import closest

# Made by tests/applications/make_published.py
TABLE = Path(__file__).with_name("published.csv")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One way to test published weights, and what came out.

    Args:
        size: Side of the square that the network sees, in pixels.
        crop_ratio: Side of the square / shorter side of the resized picture.
        top1: Share of ImageNet's validation pictures that were recognized, in percent; None where
            nobody published it.
    """

    size: int
    crop_ratio: float
    top1: float | None


@dataclasses.dataclass(frozen=True)
class Published:
    """Weights on the Hugging Face hub; `model.published` of a model that was built with them.

    Args:
        network: Name of the network here, such as "ResNet50".
        tag: What timm calls the weights, such as "a1_in1k".
        default: Whether timm takes these for the plain name of the network.
        repository: Name on the hub; the file in it is `model.safetensors`.
        classes: Number of classes; 0 if the file has no classifier.
        evaluations: timm's tests, the smallest size first.
        interpolation: Resampling of these tests, "bilinear" or "bicubic".
        mean: Mean of red, green and blue that the network expects to be subtracted, 0 to 255.
        std: Standard deviations it expects pixels to be divided by.
        license: Name of the license of the weights; empty where timm knows none.

    Example:
        >>> from keras_resnet_recipes.applications.published import find
        >>> find("ResNet50", "a1_in1k").evaluation(224)
        Evaluation(size=224, crop_ratio=0.95, top1=80.382)

    References:
        The configurations of timm 1.0.31; accuracies: `results/results-imagenet.csv` of its
        repository, measured by its author.
    """

    network: str
    tag: str
    default: bool
    repository: str
    classes: int
    evaluations: tuple[Evaluation, ...]
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    license: str

    def evaluation(self, size: int) -> Evaluation:
        """The test whose pictures are nearest in size."""
        return min(self.evaluations, key=lambda evaluation: abs(evaluation.size - size))


@functools.cache
def table() -> tuple[Published, ...]:
    """All published weights, sorted by network and tag.

    Example:
        >>> from keras_resnet_recipes.applications.published import table
        >>> [row.tag for row in table() if row.network == "SEResNet50"]
        ['a1_in1k', 'a2_in1k', 'a3_in1k', 'ra2_in1k']
    """
    with TABLE.open(newline="") as file:
        return tuple(_published(row) for row in csv.DictReader(file))


def find(network: str, tag: str) -> Published:
    """The published weights of a network that have this tag.

    Args:
        network: Name of a network, such as "ResNet50".
        tag: What timm calls the weights, such as "a1_in1k".

    Raises:
        ValueError: If there are none, with the tags there are.

    Example:
        >>> from keras_resnet_recipes.applications.published import find
        >>> find("ResNet50", "a1_in1k").repository
        'timm/resnet50.a1_in1k'
    """
    rows = {row.tag: row for row in table() if row.network == network}
    if tag in rows:
        return rows[tag]
    raise ValueError(
        f"weights={tag!r}: published for {network} are {', '.join(rows) or 'none'}.{closest(tag, rows)} "
        "Or give None, or the path of a .safetensors, .weights.h5 or .keras file."
    )


def is_tag(weights: str | os.PathLike[str]) -> bool:
    """Whether it is the tag of published weights and no path: it has neither a dot nor a slash.

    >>> is_tag("a1_in1k"), is_tag("model.safetensors")
    (True, False)
    """
    return isinstance(weights, str) and not {".", "/", os.sep} & set(weights)


def resolved(
    network: str, weights: str | os.PathLike[str] | None
) -> tuple[Published | None, Path | None]:
    """What a network's argument `weights` means.

    Args:
        network: Name of the network.
        weights: None, a tag, or the path of a file; a tag has neither a dot nor a slash.

    Returns:
        The published weights, if it is a tag, and the file to read, if there is one.

    Raises:
        ValueError: If there is no such tag or file.
        ConnectionError: If published weights cannot be downloaded.
    """
    if weights is None:
        return None, None
    if is_tag(weights):
        published = find(network, weights)
        return published, download(published.repository)
    return None, checked_path(weights)


def set_published(model: keras.Model, published: Published, path: Path, classes: int) -> None:
    """Gives a network published weights; of another number of classes, all but the classifier.

    Args:
        model: The network.
        published: What the weights are.
        path: The file.
        classes: Number of classes of the network; 0 without a top.
    """
    if classes not in (0, published.classes):
        print(
            f"`weights`: {published.repository} is of {published.classes} classes; "
            f"the classifier of {classes} is new."
        )
    set_timm_state(model, read_state(path), head=classes == published.classes)
    model.published = published


def _published(row: dict[str, str]) -> Published:
    return Published(
        network=row["network"],
        tag=row["tag"],
        default=bool(row["default"]),
        repository=row["repository"],
        classes=int(row["classes"]),
        evaluations=tuple(_evaluation(row, number) for number in (1, 2) if row[f"size_{number}"]),
        interpolation=row["interpolation"],
        mean=_pixels(row["mean"]),
        std=_pixels(row["std"]),
        license=row["license"],
    )


def _evaluation(row: dict[str, str], number: int) -> Evaluation:
    top1 = row[f"top1_{number}"]
    return Evaluation(
        size=int(row[f"size_{number}"]),
        crop_ratio=float(row[f"crop_ratio_{number}"]),
        top1=float(top1) if top1 else None,
    )


def _pixels(shares: str) -> tuple[float, float, float]:
    red, green, blue = (round(255 * float(share), 3) for share in shares.split())
    return red, green, blue
