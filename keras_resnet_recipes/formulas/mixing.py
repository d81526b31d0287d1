"""Mixing a batch with itself: MixUp and CutMix.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

import math
from typing import Any

from keras_resnet_recipes.formulas.boxes import inside

DRAWS = 8
"""How many uniform variates one batch takes."""


def mixture(
    ops: Any,
    images: Any,
    uniform: Any,
    *,
    mixup_alpha: float | None,
    cutmix_alpha: float | None,
    probability: float,
    switch_probability: float,
) -> tuple[Any, Any, Any]:
    """How a batch is to be mixed.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels].
        uniform: Variates in [0, 1), floating point [`DRAWS`].
        mixup_alpha: MixUp's weight follows Beta(alpha, alpha); 0 or None switches it off.
        cutmix_alpha: The same for CutMix. One of the two is on.
        probability: Of mixing at all.
        switch_probability: Of CutMix where both are on.

    Returns:
        weight: Share of an image's own pixels outside the box, of the type of `uniform`.
        box: int32 [top, left, bottom, right]; inside it all pixels are the partner's.
        share: Share of an image's own label, of the type of `uniform`.

    Source: timm `data/mixup.py`, mode "batch".
    """
    if not mixup_alpha or not cutmix_alpha:
        switch_probability = 1.0 if cutmix_alpha else 0.0
    mixed, cut = uniform[0] < probability, uniform[1] < switch_probability
    blend = symmetric_beta(ops, mixup_alpha or 1.0, uniform[2:4])
    size = ops.convert_to_tensor(ops.shape(images)[1:3], "int32")
    center = ops.cast(ops.numpy.floor(uniform[4:6] * ops.cast(size, uniform.dtype)), "int32")
    box, left = cut_box(ops, size, symmetric_beta(ops, cutmix_alpha or 1.0, uniform[6:8]), center)
    one = ops.numpy.ones_like(blend)
    weight = ops.numpy.where(mixed & ~cut, blend, one)
    box = ops.numpy.where(mixed & cut, box, ops.numpy.zeros_like(box))
    share = ops.numpy.where(mixed, ops.numpy.where(cut, left, blend), one)
    return weight, box, share


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


PARTNERS = ("reversed", "rolled")


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


def mix_images(ops: Any, images: Any, partners: Any, weight: Any, box: Any) -> Any:
    """Blend with the given weight outside the box, take the partner inside it.

    Args:
        ops: Namespace of a Keras backend.
        images: As for `blend`.
        partners: As for `blend`.
        weight: As for `blend`.
        box: int32 [top, left, bottom, right].

    Returns:
        The same shape and type.
    """
    blended = blend(ops, images, partners, weight)
    return ops.numpy.where(inside(ops, images, box[None]), partners, blended)


def blend(ops: Any, images: Any, partners: Any, weight: Any) -> Any:
    """Blend each image with its partner.

    Args:
        ops: Namespace of a Keras backend.
        images: Bytes (the blend is rounded half to even) or floating point (it is not),
            [n, height, width, channels].
        partners: The image that each is mixed with, of the same shape and type.
        weight: Share of an image's own pixels. As float64 the bytes are those of timm also where
            XLA compiles this; as float32 XLA may round a tie the other way.

    Returns:
        The same shape and type.
    """
    if "int" in str(images.dtype):
        sums = _share(ops, images, weight) + _share(ops, partners, 1 - weight)
        return ops.cast(ops.numpy.round(sums), images.dtype)
    return ops.cast(weight, images.dtype) * images + ops.cast(1 - weight, images.dtype) * partners


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


def _share(ops: Any, images: Any, weight: Any) -> Any:
    """The product in single precision, with a rounding of its own.

    XLA would join a plain product and the sum after it into one operation with one rounding, and
    ties would be rounded to other bytes; a limit that is never reached stands between them.
    """
    product = ops.cast(images, "float32") * ops.cast(weight, "float32")
    return ops.numpy.maximum(product, -1.0)
