"""What to do with pictures and labels that are not as they must be."""

from collections.abc import Sequence


def shape_hint(shape: Sequence[int]) -> str:
    """What to do with pictures of another shape.

    >>> shape_hint((8, 3, 32, 32))
    ' Channels come last: np.moveaxis(images, 1, -1).'
    """
    if len(shape) == 4 and shape[1] in (1, 3):
        return " Channels come last: np.moveaxis(images, 1, -1)."
    if len(shape) == 4 and shape[-1] == 4:
        return " Without alpha: images[..., :3]."
    return ""


def range_hint(low: float, high: float) -> str:
    """What to do with pictures of another range.

    >>> range_hint(0.0, 1.0)
    ' Multiply by 255: the network does the rest itself.'
    """
    if low >= 0:
        return " Multiply by 255: the network does the rest itself." if high <= 1 else ""
    return " Give them as they were before they were normalised: the network does that itself."


def label_hint(dimensions: int) -> str:
    """What to do with labels that are no integers, one an image.

    >>> label_hint(2)
    ' Of one-hot labels: labels.argmax(-1).'
    """
    if dimensions == 2:
        return " Of one-hot labels: labels.argmax(-1)."
    return " Of whole numbers: labels.astype(int)." if dimensions == 1 else ""
