"""The order of classes, and the agreement of one data set's labels with another's."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, listed

Data = TypeVar("Data", ImageDataset, ImageStream)


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
    if class_order not in ("plain", "natural"):
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


def agreeing(data: Data, class_names: Sequence[str] | None) -> Data:
    """The data set with the labels that its class names have elsewhere.

    Args:
        data: A data set; without class names it stays as it is.
        class_names: Names in the order of the labels; None for its own.

    Raises:
        ValueError: If a class is not among them.

    Example:
        >>> from keras_resnet_recipes.data import from_arrays
        >>> images = from_arrays(np.zeros((2, 4, 4), np.uint8), np.arange(2))
        >>> images = dataclasses.replace(images, class_names=("dog", "cat"))
        >>> agreeing(images, ("cat", "cow", "dog")).labels.tolist()
        [2, 0]
    """
    own = data.class_names
    if own is None or class_names is None or own == tuple(class_names):
        return data
    return _relabelled(data, agreed(data.name, own, class_names), tuple(class_names))


def by_number(data: Data) -> Data:
    """The data set with its class names, which are numbers, for labels: those of training have no names.

    Raises:
        ValueError: If a class is called otherwise.
    """
    strangers = [name for name in data.class_names or () if not is_number(name)]
    if strangers:
        raise ValueError(
            f"{data.name} has the class {strangers[0]!r}, but the labels of training are numbers."
        )
    if data.class_names is None:
        return data
    return _relabelled(data, np.array(data.class_names, np.int64), None)


def agreed(
    name: str, own: Sequence[str], wanted: Sequence[str], where: Callable[[str], str] = lambda _: ""
) -> np.ndarray:
    """The wanted label of each class, int64 [classes].

    Args:
        name: What messages call the data set.
        own: Its class names.
        wanted: The names they must be among, in the order of the labels.
        where: From a class to where it is found, for messages.

    Raises:
        ValueError: If a class is not among the wanted ones.
    """
    labels = {one: label for label, one in enumerate(wanted)}
    strangers = [one for one in own if one not in labels]
    if not strangers:
        return np.array([labels[one] for one in own], np.int64)
    if len(own) == len(labels) and is_numbered(own):
        print(f"{name}: its classes, 0 to {len(own) - 1}, are taken for the labels.")
        return np.array(own, np.int64)
    raise ValueError(
        f"{name} has the class {strangers[0]!r}{where(strangers[0])}, which training lacked; "
        f"its {len(labels)} classes are {listed(wanted)}."
    )


def _relabelled(data: Data, table: np.ndarray, class_names: tuple[str, ...] | None) -> Data:
    labels = table.tolist()

    def pair(image: Any, label: int) -> tuple[Any, int]:
        return image, labels[label]

    changes: dict[str, Any] = {"class_names": class_names}
    if isinstance(data, ImageDataset):
        changes["read"] = lambda index: pair(*data.read(index))
        changes["labels"] = None if data.labels is None else table[data.labels]
    else:
        changes["start"] = lambda: itertools.starmap(pair, data.start())
    return dataclasses.replace(data, **changes)


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())]
