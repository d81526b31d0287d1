"""Hints for images and labels with a wrong shape, range or type; errors of other libraries in one line."""

from collections.abc import Sequence

import numpy as np


def shape_hint(shape: Sequence[int]) -> str:
    """Returns a hint for images of a wrong shape.

    Example:
        >>> shape_hint((8, 3, 32, 32))
        ' Channels must be last: use np.moveaxis(images, 1, -1).'
    """
    if len(shape) == 4 and shape[1] in (1, 3):
        return " Channels must be last: use np.moveaxis(images, 1, -1)."
    if len(shape) == 4 and shape[-1] == 4:
        return " Drop the alpha channel: use images[..., :3]."
    return ""


def range_hint(low: float, high: float) -> str:
    """Returns a hint for images of a wrong range.

    Example:
        >>> range_hint(0.0, 1.0)
        ' Multiply by 255; the network normalizes images itself.'
    """
    if low >= 0:
        return " Multiply by 255; the network normalizes images itself." if high <= 1 else ""
    return " Pass images without normalization; the network normalizes them itself."


def label_hint(labels: np.ndarray) -> str:
    """Returns a hint for labels that are not one integer per image.

    Args:
        labels: One per image [n], or a row per image [n, classes].

    Example:
        >>> label_hint(np.eye(3)), label_hint(np.zeros(3))
        (' For one-hot labels use labels.argmax(-1).', ' For integral floats use labels.astype(int).')
        >>> label_hint(np.ones((2, 3)))
        ' Several labels per image are read from arrays (x, y), y multi-hot [n, classes], .npz and .csv files.'
    """
    if labels.ndim == 1:
        return " For integral floats use labels.astype(int)."
    if labels.ndim != 2 or not is_multi_hot(labels):
        return ""
    if (labels.sum(axis=1) == 1).all():
        return " For one-hot labels use labels.argmax(-1)."
    return " Several labels per image are read from arrays (x, y), y multi-hot [n, classes], .npz and .csv files."


def is_multi_hot(labels: np.ndarray) -> bool:
    """Returns whether labels are rows of 0 and 1, of any numeric type.

    Example:
        >>> is_multi_hot(np.eye(2)), is_multi_hot(np.arange(2)), is_multi_hot(np.full((2, 2), 0.5))
        (True, False, False)
    """
    return labels.ndim == 2 and labels.dtype.kind in "biuf" and bool(np.isin(labels, (0, 1)).all())


def offset_hint(low: int, high: int, classes: int) -> str:
    """Returns a hint for integer labels outside 0..classes-1 that may begin with 1.

    Example:
        >>> offset_hint(0, 10, classes=10)
        '. If labels are 1 to 10, use krr.data.from_source(..., label_offset=1), --label-offset 1 of krr.'
        >>> offset_hint(0, 11, classes=10)
        ''
    """
    if low < 0 or high != classes:
        return ""
    option = "krr.data.from_source(..., label_offset=1), --label-offset 1 of krr"
    return f". If labels are 1 to {classes}, use {option}."


def shortened(error: Exception) -> str:
    r"""Returns the message of another library's error in one line, at most 300 characters.

    Example:
        >>> shortened(ValueError("no\n\n  such thing"))
        'no such thing'
    """
    words = " ".join((str(error) or type(error).__name__).split())
    return words if len(words) <= 300 else f"{words[:300]} …"
