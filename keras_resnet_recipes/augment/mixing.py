"""The arithmetic of MixUp and CutMix that values and layers share.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

import math
from typing import Any

PARTNERS = ("reversed", "rolled")


def symmetric_beta(ops: Any, alpha: Any, uniform: Any) -> Any:
    """A variate of Beta(alpha, alpha) from two uniform ones, without rejection.

    With S = U ** (1 / alpha) and C = cos(2 pi V), Student's t of 2 alpha degrees of freedom is
    sqrt(2 alpha (1 / S - 1)) C (Bailey 1994), and 1 / 2 + t / (2 sqrt(2 alpha + t * t)) follows
    Beta(alpha, alpha). XLA compiles this, other than the gamma variates of `keras.random.beta`.

    Args:
        ops: Namespace of a Keras backend.
        alpha: Greater than 0.
        uniform: U and V in [0, 1), floating point [2, ...].

    Returns:
        0..1, [...], of the type of `uniform`.

    Source: Devroye, 'Random variate generation in one line of code' (1996), section on the
    symmetric beta distribution.
    """
    logarithm = ops.numpy.log(uniform[0]) / alpha
    power = ops.numpy.exp(logarithm)
    cosine = ops.numpy.cos(2 * math.pi * uniform[1])
    squares = -ops.numpy.expm1(logarithm) * cosine * cosine
    # One minus the square of t / sqrt(2 alpha + t t), directly: small results keep their digits.
    rest = power / (power + squares)
    small = rest / (2 * (1 + ops.numpy.sqrt(1 - rest)))
    return ops.numpy.where(cosine < 0, small, 1 - small)


def cut_box(ops: Any, size: Any, lam: Any, center: Any) -> tuple[Any, Any]:
    """The box of CutMix and the share of the image outside it.

    Args:
        ops: Namespace of a Keras backend.
        size: Height and width, int32 [2].
        lam: Share that is to be left before the box is cut at the edges, floating point.
        center: Row and column of the middle, int32 [2].

    Returns:
        int32 [top, left, bottom, right], and the share, of the type of `lam`.
    """
    half = ops.cast(ops.cast(size, lam.dtype) * ops.numpy.sqrt(1 - lam), "int32") // 2
    low, high = ops.numpy.maximum(center - half, 0), ops.numpy.minimum(center + half, size)
    part, whole = ops.cast(high - low, lam.dtype), ops.cast(size, lam.dtype)
    return ops.numpy.concatenate([low, high], 0), 1 - ops.numpy.prod(part) / ops.numpy.prod(whole)


def check_partner(partner: str, count: int | None) -> None:
    """Raise a ValueError for another rule of pairing, or a batch known to be odd that is paired by its ends."""
    if partner not in PARTNERS:
        raise ValueError(f"partner must be one of {PARTNERS}, got {partner!r}")
    if partner == "reversed" and isinstance(count, int) and count % 2:
        raise ValueError(f"images must be an even number to mix, got {count}")


def partners_of(ops: Any, batch: Any, partner: str) -> Any:
    """The images or labels that those of a batch are mixed with.

    Args:
        ops: Namespace of a Keras backend.
        batch: [n, ...].
        partner: "reversed" for the one at the same place from the other end, as in timm; "rolled" for
            the one before, as in torchvision.

    Returns:
        The same shape and type.
    """
    if partner == "reversed":
        return ops.numpy.flip(batch, axis=0)
    return ops.numpy.roll(batch, 1, axis=0)


def mix_labels(ops: Any, labels: Any, partners: Any, share: Any) -> Any:
    """Mix labels: share * label + (1 - share) * label of the partner.

    Args:
        ops: Namespace of a Keras backend.
        labels: Floating point [n, classes].
        partners: The label that each is mixed with, of the same shape and type.
        share: Share of an image's own label.

    Returns:
        The same shape and type.
    """
    share = ops.cast(share, labels.dtype)
    return share * labels + (1 - share) * partners
