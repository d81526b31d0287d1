"""Labels as target probabilities."""

import numpy as np


def one_hot(labels: np.ndarray, classes: int, label_smoothing: float = 0.0) -> np.ndarray:
    """Returns labels as rows of probabilities.

    Args:
        labels: Integers from 0 to classes - 1, [n]; or multi-hot rows of 0 and 1, [n, classes or fewer].
        classes: Number of classes C.
        label_smoothing: Smoothing s, 0..1: correct classes get 1 - s + s / C, all others s / C.

    Returns:
        float32 [n, classes].

    Raises:
        ValueError: If `label_smoothing` is outside 0..1.

    Example:
        >>> one_hot(np.array([1]), 4, label_smoothing=0.25).tolist()
        [[0.0625, 0.8125, 0.0625, 0.0625]]

    References:
        Szegedy et al., "Rethinking the inception architecture", section 7.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"`label_smoothing` must be within 0..1. Received: label_smoothing={label_smoothing!r}"
        )
    off = label_smoothing / classes
    targets = np.full((len(labels), classes), off, np.float32)
    right = np.nonzero(labels) if labels.ndim == 2 else (np.arange(len(labels)), labels)
    targets[right] = 1.0 - label_smoothing + off
    return targets
