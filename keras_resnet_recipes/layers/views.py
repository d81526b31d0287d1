"""Scores averaged over views of an image that have its size: mirrored, or shifted by a pixel."""

from collections.abc import Callable
from typing import Any

from keras import ops


def averaged(forward: Callable[[Any], Any], images: Any, views: str) -> Any:
    """Returns the mean scores of images over their views, float32.

    Args:
        forward: Function from images to scores [n, classes].
        images: [n, height, width, channels], of two pixels at least in both directions.
        views: "one", the image itself; "mirrored", with its mirror image; or "shifted", in which these two have the
            weight 1/2, and the same of the image shifted by a pixel diagonally, down and up, have the other half.
            Pixels are shifted in by reflection, without repeating the edge.

    Returns:
        Scores [n, classes]; for "one" those of `forward`, in their own type.

    Example:
        >>> ops.convert_to_numpy(averaged(lambda x: x[:, 0, :, 0], ops.array([[[[1], [3]]]]), "mirrored")).tolist()
        [[2.0, 2.0]]
    """
    if views == "one":
        return forward(images)
    weighted = [(1.0, images)]
    if views == "shifted":
        weighted = [(0.5, images), (0.25, _shifted(images, 1)), (0.25, _shifted(images, -1))]
    total = 0.0
    for weight, view in weighted:
        for one in (view, ops.flip(view, axis=2)):
            # In half precision the mean would be rounded to it.
            total += weight / 2 * ops.cast(forward(one), "float32")
    return total


def _shifted(images: Any, pixels: int) -> Any:
    """Returns images shifted by a pixel in both directions: down and right by 1, up and left by -1."""
    # Slices, because not every backend pads integers by reflection.
    images = ops.flip(images, axis=(1, 2)) if pixels < 0 else images
    images = ops.concatenate([images[:, 1:2], images[:, :-1]], axis=1)
    images = ops.concatenate([images[:, :, 1:2], images[:, :, :-1]], axis=2)
    return ops.flip(images, axis=(1, 2)) if pixels < 0 else images
