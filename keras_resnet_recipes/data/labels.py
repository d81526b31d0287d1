"""The order of classes, and mapping the labels of one data set to those of another."""

import dataclasses
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, listed
from keras_resnet_recipes.names import printable

Data = TypeVar("Data", ImageDataset, ImageStream)


def in_order(names: Collection[str], class_order: str = "plain") -> list[str]:
    """Returns class names in the order of their labels.

    Keras' `image_dataset_from_directory`, scikit-learn's `load_files` and torchvision's `ImageFolder` sort
    plainly, so that labels are the same here. timm sorts naturally, "class 2" before "class 10", ignoring
    case: timm's checkpoints may need that order. Names 0 to n - 1 are labels themselves in either order.

    Args:
        names: Names in any order.
        class_order: "plain" or "natural".

    Raises:
        ValueError: If `class_order` is neither.

    Example:
        >>> in_order(["b10", "b2", "A"]), in_order(["b10", "b2", "c", "A"], "natural")
        (['A', 'b10', 'b2'], ['A', 'b2', 'b10', 'c'])
        >>> in_order(map(str, range(12)))[-3:]
        ['9', '10', '11']

    References:
        timm `utils/misc.py`, `natural_key`.
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
    """Returns whether names are the numbers 0 to n - 1.

    Example:
        >>> is_numbered(["1", "0"]), is_numbered(["1", "2"])
        (True, False)
    """
    return set(names) == {str(number) for number in range(len(names))}


def is_number(name: str) -> bool:
    """Returns whether a name consists of the digits 0 to 9.

    Example:
        >>> is_number("07"), is_number("-7"), is_number("²")
        (True, False, False)
    """
    return name.isascii() and name.isdecimal()


def agreeing(data: Data, class_names: Sequence[str] | None) -> Data:
    """Returns the data set with its labels mapped to the order of given class names.

    Args:
        data: A data set; without class names it is returned unchanged.
        class_names: Names in the order of the labels; None keeps the data set's own.

    Raises:
        ValueError: If a class of the data set is not in `class_names`.

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
    """Returns the data set with its class names, which must be numbers, as labels.

    Used if the classes of training have no names.

    Raises:
        ValueError: If a class name is not a number.
    """
    unknown = [name for name in data.class_names or () if not is_number(name)]
    if unknown:
        raise ValueError(
            f"{data.name} has the class {unknown[0]!r}, but the labels of training are numbers."
        )
    if data.class_names is None:
        return data
    return _relabelled(data, np.array(data.class_names, np.int64), None)


def agreed(
    name: str, own: Sequence[str], wanted: Sequence[str], where: Callable[[str], str] = lambda _: ""
) -> np.ndarray:
    """Returns the label of each class in another order, int64 [classes].

    Args:
        name: Name of the data set in messages.
        own: Its class names.
        wanted: Names in the order of the labels, which must include `own`.
        where: Returns where a class was found, for messages.

    Raises:
        ValueError: If a class is not in `wanted`.
    """
    labels = {printable(one): label for label, one in enumerate(wanted)}
    unknown = [one for one in own if printable(one) not in labels]
    if not unknown:
        return np.array([labels[printable(one)] for one in own], np.int64)
    if len(own) == len(labels) and is_numbered(own):
        print(f"{name}: its classes, 0 to {len(own) - 1}, are used as labels.")
        return np.array(own, np.int64)
    raise ValueError(
        f"{name} has the class {unknown[0]!r}{where(unknown[0])}, which is not a training class; "
        f"the {len(labels)} training classes are {listed(tuple(labels))}."
    )


def shifted(data: Data, offset: int) -> Data:
    """Returns the data set with an offset subtracted from its labels, such as 1 from labels 1 to 1000.

    Args:
        data: A data set whose labels are integers without names.
        offset: The smallest label, at least 0.

    Raises:
        ValueError: If the data set has class names, or a label, perhaps later when it is read, is smaller.

    Example:
        >>> from keras_resnet_recipes.data import from_arrays
        >>> shifted(from_arrays(np.zeros((2, 4, 4), np.uint8), np.array([1, 2])), 1).labels
        array([0, 1])
    """
    if isinstance(offset, bool) or not isinstance(offset, int | np.integer) or offset < 0:
        raise ValueError(
            f"`label_offset` must be an integer of at least 0. Received: label_offset={offset!r}"
        )
    if not offset:
        return data
    if data.class_names is not None:
        raise ValueError(
            "`label_offset` must be 0 for data with class names, which are numbered from 0. "
            f"Received: label_offset={offset} for {data.name}"
        )

    def less(labels: Any) -> Any:
        # Of multi-hot rows, the columns of the labels that do occur.
        smallest = np.min(
            labels if not data.multi_label else np.nonzero(labels)[-1], initial=offset
        )
        if smallest < offset:
            raise ValueError(
                f"`label_offset` must be at most the smallest label of {data.name}. "
                f"Received: label_offset={offset} for a label {smallest}"
            )
        return labels[..., offset:] if data.multi_label else labels - offset

    return _mapped(data, less)


def like_training(data: Data, training: ImageDataset | ImageStream) -> Data:
    """Returns a validation data set with labels of the same kind as in training: integers, or multi-hot.

    Raises:
        ValueError: If only the validation images have several labels, or their labels are unknown without reading.
    """
    if data.multi_label == training.multi_label:
        return data
    if not training.multi_label or data.labels is None:
        wanted = (
            "arrays, an .npz or .csv file" if training.multi_label else "of one label per image"
        )
        raise ValueError(
            f"`validation_data` must be {wanted}, because images of {training.name} have "
            f"{'several labels' if training.multi_label else 'one label each'}. Received: {data.name}"
        )
    classes = max(training.labels.shape[1], int(data.labels.max()) + 1)
    return _mapped(data, lambda labels: np.eye(classes, dtype=np.uint8)[labels])


def _relabelled(data: Data, table: np.ndarray, class_names: tuple[str, ...] | None) -> Data:
    def columns(labels: np.ndarray) -> np.ndarray:
        classes = int(table.max()) + 1 if class_names is None else len(class_names)
        moved = np.zeros((*labels.shape[:-1], classes), labels.dtype)
        moved[..., table] = labels
        return moved

    changed = columns if data.multi_label else table.__getitem__
    return _mapped(data, changed, class_names=class_names)


def _mapped(data: Data, changed: Callable[[Any], Any], **changes: Any) -> Data:
    """Returns the data set with changed labels; `changed` is a function of one label and of an array of labels."""

    def pair(image: Any, label: Any) -> tuple[Any, Any]:
        label = changed(label)
        return image, label if np.ndim(label) else int(label)

    if isinstance(data, ImageDataset):
        labels = None if data.labels is None else changed(data.labels)
        changes |= {"read": lambda index: pair(*data.read(index)), "labels": labels}
        if data.arrays is not None:
            changes["arrays"] = dataclasses.replace(data.arrays, labels=labels)
    else:
        changes["start"] = lambda: itertools.starmap(pair, data.start())
    return dataclasses.replace(data, **changes)


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name.lower())]
