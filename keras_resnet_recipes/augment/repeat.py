"""Repeated augmentation: each image several times in one batch, augmented independently."""

import numpy as np
from numpy.typing import ArrayLike


def repeat_order(permutation: ArrayLike, repeats: int, length: int) -> np.ndarray:
    """Returns the order of images in an epoch with repeated augmentation.

    Each index of the permutation is repeated (a, a, a, b, b, b, ...) and the first `length` are kept,
    starting over if there are too few. An epoch of the length of the data set therefore contains only
    a fraction 1 / repeats of the images. Worker r of w takes the positions r, r + w, ... of the result.

    Args:
        permutation: Indices of the images in the order drawn for this epoch, integers [n].
        repeats: Repetitions of each image, at least 1; the recipes use 3.
        length: Number of indices to keep, at least 1.

    Returns:
        Indices in the dtype of `permutation`, [length].

    Raises:
        ValueError: If `permutation` is empty or not one-dimensional, or a number is below 1.

    Example:
        >>> repeat_order([7, 2, 5], repeats=2, length=4).tolist()
        [7, 7, 2, 2]

    References:
        Hoffer et al., "Augment your batch" (arXiv:1901.09335); DeiT `samplers.py`, timm
        `data/distributed_sampler.py`.
    """
    permutation = np.asarray(permutation)
    if permutation.ndim != 1 or not len(permutation):
        raise ValueError(
            "`permutation` must be a vector of at least one index. "
            f"Received: shape={permutation.shape}"
        )
    for name, value in (("repeats", repeats), ("length", length)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}")
    return permutation[np.arange(length) // repeats % len(permutation)]
