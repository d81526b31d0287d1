"""Drawing for a whole data set at once, so that many images share what is drawn."""

import numpy as np


def group_options(
    count: int, options: int, generator: np.random.Generator, limit: int | None = 200
) -> np.ndarray:
    """Which of several options each image of a data set gets in an epoch.

    The options are shuffled, at most `limit` of them used, and each is given to an equally large
    group of images drawn at random. A device then changes each group in one piece, or all images
    by what they were given: `boxes.padded_crop(..., corner=np.stack(np.divmod(drawn, 9), 1), 4)`
    is the crop of CIFAR-10, whose 81 places are the options. One by one each image sees what
    independent draws would give it; that groups are equally large is all that differs.

    Args:
        count: Number of images.
        options: Number of options, at least 1.
        generator: Source of the draws.
        limit: Most options used in an epoch; None for all.

    Returns:
        Numbers from 0 to options - 1, int32 [count]; of the used ones all are as frequent, give or
        take one.

    Raises:
        ValueError: If there is no option, or the limit is below 1.

    Source: cifar10-fast `torch_backend.py`, transformed and GPUBatches.

    >>> sorted(group_options(6, 3, np.random.default_rng(0)).tolist())
    [0, 0, 1, 1, 2, 2]
    """
    if options < 1:
        raise ValueError(f"options must be at least 1, got {options!r}")
    if not (limit is None or limit >= 1):
        raise ValueError(f"limit must be at least 1 or None, got {limit!r}")
    used = generator.permutation(options)[:limit]
    dealt = np.resize(used, count)
    return generator.permutation(dealt).astype(np.int32)
