"""Hints for images and labels with a wrong shape, range or type; errors of other libraries in one line."""

from collections.abc import Sequence


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


def label_hint(dimensions: int) -> str:
    """Returns a hint for labels that are not one integer per image.

    Example:
        >>> label_hint(2)
        ' For one-hot labels use labels.argmax(-1).'
    """
    if dimensions == 2:
        return " For one-hot labels use labels.argmax(-1)."
    return " For integral floats use labels.astype(int)." if dimensions == 1 else ""


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
