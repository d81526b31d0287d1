"""Repeated augmentation: the same image several times in one batch, each time augmented anew."""

import numpy as np
from numpy.typing import ArrayLike


def repeat_order(permutation: ArrayLike, repeats: int, length: int) -> np.ndarray:
    """The order in which images are seen with repeated augmentation.

    Each position of the permutation is repeated on the spot (a, a, a, b, b, b, ...) and the first
    `length` are kept, beginning anew if there are too few. An epoch that keeps the length of the
    data set therefore sees only a part, 1 / repeats, of the images. Worker r of w takes the positions
    r, r + w, ... of the result.

    Args:
        permutation: Indices of the images in the order drawn for this epoch, whole numbers [n].
        repeats: How often each is repeated, at least 1; the recipes use 3.
        length: Number of positions to keep, at least 1.

    Returns:
        Indices of the type of `permutation`, [length].

    Raises:
        ValueError: If `permutation` is empty or not one-dimensional, or a number is below 1.

    Source: Hoffer et al., 'Augment your batch' (arXiv 1901.09335); DeiT `samplers.py`, timm
    `data/distributed_sampler.py`.

    >>> repeat_order([7, 2, 5], repeats=2, length=4).tolist()
    [7, 7, 2, 2]
    """
    permutation = np.asarray(permutation)
    if permutation.ndim != 1 or not len(permutation):
        raise ValueError(
            f"`permutation` must be a vector of at least one index. Received: shape {permutation.shape}"
        )
    for name, value in (("repeats", repeats), ("length", length)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}")
    return permutation[np.arange(length) // repeats % len(permutation)]
