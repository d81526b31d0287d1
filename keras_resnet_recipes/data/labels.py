"""The order of classes, and the agreement of one data set's labels with another's."""

import dataclasses
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, listed

ORDERS = ("plain", "natural")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The classes that a data set must agree with, those of the training data.

    Args:
        names: In the order of the labels; None for any.
        numbers: Whether labels are numbers without names, which classes must then be called by.
    """

    names: tuple[str, ...] | None = None
    numbers: bool = False


def in_order(names: Collection[str], class_order: str = "plain") -> list[str]:
    """Class names in the order of their labels.

    Plain sorting is what Keras' `image_dataset_from_directory`, scikit-learn's `load_files` and torchvision's
    `ImageFolder` do, so that labels are the same there and here. timm sorts naturally, "class 2"
    before "class 10", and without regard to case: checkpoints of timm may need that order. Names 0 to n - 1
    are labels themselves in either order.

    Args:
        names: Names without order.
        class_order: "plain" or "natural".

    Raises:
        ValueError: If the order is another.

    References:
        - timm `utils/misc.py`, `natural_key`

    Example:
        >>> in_order(["b10", "b2", "A"]), in_order(["b10", "b2", "c", "A"], "natural")
        (['A', 'b10', 'b2'], ['A', 'b2', 'b10', 'c'])
        >>> in_order(map(str, range(12)))[-3:]
        ['9', '10', '11']
    """
    names = list(names)
    if class_order not in ORDERS:
        raise ValueError(
            f"`class_order` must be 'plain' or 'natural'. Received: class_order={class_order!r}"
        )
    if is_numbered(names):
        return sorted(names, key=int)
    return sorted(names) if class_order == "plain" else sorted(sorted(names), key=_natural)


def is_numbered(names: Collection[str]) -> bool:
    """Whether names are the numbers 0 to n - 1.

    Example:
        >>> is_numbered(["1", "0"]), is_numbered(["1", "2"])
        (True, False)
    """
    return set(names) == {str(number) for number in range(len(names))}


def is_number(name: str) -> bool:
    """Whether a name is a whole number of digits 0 to 9.

    Example:
        >>> is_number("07"), is_number("-7"), is_number("²")
        (True, False, False)
    """
    return name.isascii() and name.isdecimal()


def agreeing(data: ImageDataset | ImageStream, wanted: Wanted) -> ImageDataset | ImageStream:
    """The data set with the labels that its class names have elsewhere.

    Args:
        data: A data set; without class names it stays as it is.
        wanted: The classes it must agree with.

    Raises:
        ValueError: If a class is not among the wanted ones.

    Example:
        >>> from keras_resnet_recipes.data import from_arrays
        >>> images = from_arrays(np.zeros((2, 4, 4), np.uint8), np.arange(2))
        >>> images = dataclasses.replace(images, class_names=("dog", "cat"))
        >>> agreeing(images, Wanted(("cat", "cow", "dog"))).labels.tolist()
        [2, 0]
    """
    own = data.class_names
    if own is None or wanted == Wanted() or own == wanted.names:
        return data
    table = agreed(data.name, own, wanted)
    changes: dict[str, Any] = {"class_names": wanted.names}
    if data.labels is not None:
        changes["labels"] = table[data.labels]
    if isinstance(data, ImageDataset):
        changes["read"] = _relabelled(data.read, table)
    else:
        changes["start"] = _relabelled_pass(data.start, table)
    return dataclasses.replace(data, **changes)


def agreed(
    name: str,
    own: Sequence[str],
    wanted: Wanted,
    where: Callable[[str], str] = lambda _: "",
) -> np.ndarray:
    """The wanted label of each class, int64 [classes].

    Args:
        name: What messages call the data set.
        own: Its class names.
        wanted: The classes it must agree with.
        where: From a class to where it is found, for messages.

    Raises:
        ValueError: If a class is not among the wanted ones.
    """
    if wanted.numbers:
        strangers = [one for one in own if not is_number(one)]
        if strangers:
            raise ValueError(
                f"{name} has the class {strangers[0]!r}{where(strangers[0])}, but the labels of training are numbers."
            )
        return np.array([int(one) for one in own], np.int64)
    labels = {one: label for label, one in enumerate(wanted.names)}
    strangers = [one for one in own if one not in labels]
    if not strangers:
        return np.array([labels[one] for one in own], np.int64)
    if len(own) == len(labels) and is_numbered(own):
        print(f"{name}: its classes, 0 to {len(own) - 1}, are taken for the labels.")
        return np.array([int(one) for one in own], np.int64)
    raise ValueError(
        f"{name} has the class {strangers[0]!r}{where(strangers[0])}, which training lacked; "
        f"its {len(labels)} classes are {listed(wanted.names)}."
    )


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())]


def _relabelled(read: Callable[[int], tuple[Any, int]], table: np.ndarray) -> Any:
    labels = table.tolist()

    def relabelled(index: int) -> tuple[Any, int]:
        image, label = read(index)
        return image, labels[label]

    return relabelled


def _relabelled_pass(start: Callable[[], Iterator[tuple[Any, int]]], table: np.ndarray) -> Any:
    labels = table.tolist()
    return lambda: ((image, labels[label]) for image, label in start())
