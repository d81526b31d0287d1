"""Repeated augmentation: the same image several times in one batch, each time augmented anew."""

from __future__ import annotations

from collections.abc import Sequence

from keras_resnet_recipes.augment import lazy_tensorflow as tf


def repeat_order(permutation: tf.Tensor | Sequence[int], repeats: int, length: int) -> tf.Tensor:
    """The order in which images are seen with repeated augmentation.

    Each place of the permutation is repeated on the spot (a, a, a, b, b, b, ...) and the first
    `length` are kept, beginning anew if there are too few. An epoch that keeps the length of the
    data set therefore sees only a part, 1 / repeats, of the images. Worker r of w takes the places
    r, r + w, ... of the result.

    Args:
        permutation: Positions of the images in the order drawn for this epoch, whole numbers [n].
        repeats: How often each is repeated, at least 1; the recipes use 3.
        length: Number of positions to keep, at least 1.

    Returns:
        Positions of the type of `permutation`, [length].

    Raises:
        ValueError: If `permutation` is empty or not one-dimensional, or a number is below 1.

    Source: Hoffer et al., 'Augment your batch' (arXiv 1901.09335); DeiT `samplers.py`, timm
    `data/distributed_sampler.py`.

    >>> repeat_order([7, 2, 5], repeats=2, length=4).numpy().tolist()
    [7, 7, 2, 2]
    """
    permutation = tf.convert_to_tensor(permutation)
    if permutation.shape.rank != 1 or permutation.shape[0] == 0:
        raise ValueError(f"permutation must be a non-empty vector, got {permutation.shape}")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats!r}")
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length!r}")
    images = tf.size(permutation, tf.int64)
    return tf.gather(permutation, tf.range(length, dtype=tf.int64) // repeats % images)
