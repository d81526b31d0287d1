"""What has become of the pictures of a batch after one of its ingredients."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """The pictures of a batch after an ingredient.

    Args:
        name: The ingredient.
        pictures: uint8 [height, width, 3] each, the images themselves of any size.
        captions: What was drawn for each picture; empty where nothing was.
        boxes: Of each picture, the part (top, left, height, width) that the next stage shows.

    >>> Stage("RandomFlip", np.zeros((1, 8, 8, 3), "uint8"), ["mirrored"]).captions
    ['mirrored']
    """

    name: str
    pictures: Sequence[np.ndarray]
    captions: Sequence[str]
    boxes: Sequence[Sequence[int]] | None = None


def target_caption(target: np.ndarray, names: Sequence[str] | None, smallest: float = 0.0) -> str:
    """The classes that a picture is to be taken for, the largest share first.

    Args:
        target: Shares of the classes [classes].
        names: Their names.
        smallest: Share that every class has by smoothing.

    >>> target_caption(np.array([0.34, 0.05, 0.61]), ["ant", "bee", "cow"], 0.05).splitlines()
    ['0.61 cow', '0.34 ant']
    """
    # A picture is mixed of two.
    first = np.argsort(-target, kind="stable")[:2]
    above = [number for number in first if target[number] > smallest + 0.005]
    return "\n".join(f"{target[number]:.2f} {class_name(number, names)}" for number in above)


def class_name(number: int, names: Sequence[str] | None) -> str:
    """The name of a class, or its number where it has none.

    >>> class_name(1, ["ant", "bee"]), class_name(1, None)
    ('bee', 'class 1')
    """
    return f"class {number}" if names is None else names[number]
