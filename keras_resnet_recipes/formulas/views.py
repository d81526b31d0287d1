"""Several views of one image, for testing."""

from typing import Any


def five_corners(height: Any, width: Any, size: int) -> list[tuple[Any, Any]]:
    """Where the squares of a ten-crop test begin: in the four corners and in the middle.

    Args:
        height: Of the image, an int or an integer tensor.
        width: Likewise.
        size: Height and width of the squares.

    Returns:
        Top and left of five squares: above left and right, below left and right, in the middle,
        where a half is rounded to the even number.

    Raises:
        ValueError: If the image is known to be smaller than the squares.

    Source: torchvision `transforms/functional.py`, five_crop.

    >>> five_corners(9, 7, 4)
    [(0, 0), (0, 3), (5, 0), (5, 3), (2, 2)]
    """
    for length in (height, width):
        if isinstance(length, int) and length < size:
            raise ValueError(f"size must be at most that of the image, {length}, got {size}")
    bottom, right = height - size, width - size
    middle = tuple(room // 2 + room % 2 * (room // 2 % 2) for room in (bottom, right))
    return [(0, 0), (0, right), (bottom, 0), (bottom, right), middle]
