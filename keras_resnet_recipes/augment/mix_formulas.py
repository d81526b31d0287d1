"""Arithmetic of MixUp and CutMix, shared by values and layers.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

import math
from typing import Any

PARTNERS = ("reversed", "rolled")


def symmetric_beta(ops: Any, alpha: Any, uniform: Any) -> Any:
    """Returns a variate of Beta(alpha, alpha), computed from two uniform variates without rejection.

    With S = U ** (1 / alpha) and C = cos(2 pi V), Student's t of 2 alpha degrees of freedom is
    sqrt(2 alpha (1 / S - 1)) C (Bailey 1994), and 1 / 2 + t / (2 sqrt(2 alpha + t * t)) follows
    Beta(alpha, alpha). XLA compiles this, unlike the gamma variates of `keras.random.beta`.

    Args:
        ops: Namespace of a Keras backend.
        alpha: Greater than 0.
        uniform: U and V in [0, 1), floating point [2, ...].

    Returns:
        0..1, [...], in the dtype of `uniform`.

    References:
        Devroye, "Random variate generation in one line of code" (1996), section on the symmetric
        beta distribution.
    """
    logarithm = ops.numpy.log(uniform[0]) / alpha
    power = ops.numpy.exp(logarithm)
    cosine = ops.numpy.cos(2 * math.pi * uniform[1])
    squares = -ops.numpy.expm1(logarithm) * cosine * cosine
    # Computed directly, one minus the square of t / sqrt(2 alpha + t t) keeps its digits if small.
    rest = power / (power + squares)
    small = rest / (2 * (1 + ops.numpy.sqrt(1 - rest)))
    return ops.numpy.where(cosine < 0, small, 1 - small)


def cut_box(ops: Any, size: Any, lam: Any, center: Any) -> tuple[Any, Any]:
    """Returns the box of CutMix and the fraction of the image outside it.

    Args:
        ops: Namespace of a Keras backend.
        size: Height and width, int32 [2].
        lam: Fraction of the image outside the box before the box is clipped at the edges, floating point.
        center: Row and column of the box's center, int32 [2].

    Returns:
        int32 [top, left, bottom, right], and the fraction outside the clipped box, in the dtype of `lam`.
    """
    half = ops.cast(ops.cast(size, lam.dtype) * ops.numpy.sqrt(1 - lam), "int32") // 2
    low, high = ops.numpy.maximum(center - half, 0), ops.numpy.minimum(center + half, size)
    part, whole = ops.cast(high - low, lam.dtype), ops.cast(size, lam.dtype)
    return ops.numpy.concatenate([low, high], 0), 1 - ops.numpy.prod(part) / ops.numpy.prod(whole)


def check_partner(partner: str, count: int | None) -> None:
    """Raises a ValueError for an unknown pairing, or a static odd batch size with reversed partners."""
    if partner not in PARTNERS:
        raise ValueError(f"`partner` must be one of {PARTNERS}. Received: partner={partner!r}")
    if partner == "reversed" and isinstance(count, int) and count % 2:
        raise ValueError(
            f"`images` must be an even number of images to be mixed. Received: {count} images"
        )


def partners_of(ops: Any, batch: Any, partner: str) -> Any:
    """Returns the partner of each image or label of a batch.

    Args:
        ops: Namespace of a Keras backend.
        batch: Images or labels [n, ...].
        partner: "reversed" for the same index counted from the end, as in timm; "rolled" for the
            previous index, as in torchvision.

    Returns:
        Tensor of the same shape and dtype.
    """
    if partner == "reversed":
        return ops.numpy.flip(batch, axis=0)
    return ops.numpy.roll(batch, 1, axis=0)


def mix_labels(ops: Any, labels: Any, partners: Any, share: Any) -> Any:
    """Returns mixed labels: share * label + (1 - share) * label of the partner.

    Args:
        ops: Namespace of a Keras backend.
        labels: Floating point [n, classes].
        partners: The partner of each label, of the same shape and dtype.
        share: Weight of an image's own label, 0..1.

    Returns:
        Labels of the same shape and dtype.
    """
    share = ops.cast(share, labels.dtype)
    return share * labels + (1 - share) * partners
