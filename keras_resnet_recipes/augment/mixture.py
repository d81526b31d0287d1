"""Mixing a batch with given parameters: blending it with the partners, or pasting a box of them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_resnet_recipes.augment import kernels, mix_formulas
from keras_resnet_recipes.augment.backend import NUMPY


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Mixing parameters of a batch.

    Args:
        weight: Weight of an image's own pixels outside the box, 0..1.
        box: Top, left, bottom and right of the box, inside which all pixels are the partner's.
        share: Weight of an image's own label, 0..1.
    """

    weight: float = 1.0
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    share: float = 1.0


def mixup(images: np.ndarray, labels: np.ndarray, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Blends every image with its partner: lam * image + (1 - lam) * partner.

    Args:
        images: uint8 (the result is rounded half to even) or floating point (it is not rounded),
            [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Weight of the image itself, 0..1.

    Returns:
        New images and labels of the same shapes and dtypes.

    Raises:
        ValueError: If n is odd.

    Example:
        >>> images = np.array([[[[100]]], [[[200]]]], np.uint8)
        >>> images, labels = mixup(images, np.eye(2), 0.75)
        >>> images.ravel().tolist(), labels.tolist()
        ([125, 175], [[0.75, 0.25], [0.25, 0.75]])

    References:
        Zhang et al., "mixup" (arXiv:1710.09412); timm `data/mixup.py`.
    """
    return mixed(images, labels, Mixture(weight=lam, share=lam))


def cutmix(
    images: np.ndarray, labels: np.ndarray, lam: float, center: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Replaces a box of every image by the same box of its partner.

    The box has int(height * sqrt(1 - lam)) rows, minus one if that is odd, a number of columns computed
    in the same way, and is clipped at the edges; labels are mixed by the remaining area (as in timm up to
    1.0.28; later versions keep the odd row and column).

    Args:
        images: Any dtype, [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Fraction of the image itself before the box is clipped at the edges, 0..1.
        center: Row and column of the box's center, two integers.

    Returns:
        New images and labels of the same shapes and dtypes.

    Raises:
        ValueError: If n is odd.

    Example:
        >>> images = np.array([1, 2], np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
        >>> images, labels = cutmix(images, np.eye(2), 0.75, center=(1, 1))
        >>> images[0, :, :, 0].tolist(), labels[0].tolist()
        ([[2, 2, 1, 1], [2, 2, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], [0.75, 0.25])

    References:
        Yun et al., "CutMix" (arXiv:1905.04899); timm `data/mixup.py`.
    """
    size, center = np.array(images.shape[1:3], np.int32), np.array(center, np.int32)
    box, share = mix_formulas.cut_box(NUMPY, size, np.float64(lam), center)
    return mixed(images, labels, Mixture(box=tuple(box.tolist()), share=float(share)))


def mixed(
    images: np.ndarray, labels: np.ndarray, mixture: Mixture, partner: str = "reversed"
) -> tuple[np.ndarray, np.ndarray]:
    """Returns new, mixed images and labels of a batch."""
    # In C order, because the kernels read images in the order of memory.
    images = np.array(images, order="C")
    mix_in_place(images, mixture, partner)
    partners = mix_formulas.partners_of(NUMPY, labels, partner)
    return images, mix_formulas.mix_labels(NUMPY, labels, partners, mixture.share)


def mix_in_place(images: np.ndarray, mixture: Mixture, partner: str = "reversed") -> None:
    """Blends images outside the box and replaces them by their partners inside it, in place.

    Args:
        images: [n, height, width, channels], contiguous.
        mixture: Mixing parameters.
        partner: Pairing of images, "reversed" or "rolled".

    Raises:
        ValueError: If `partner` is unknown, or "reversed" with an odd n.
    """
    mix_formulas.check_partner(partner, len(images))
    top, left, bottom, right = mixture.box
    if bottom > top and right > left:
        part = images[:, top:bottom, left:right]
        part[:] = mix_formulas.partners_of(NUMPY, part.copy(), partner)
    if mixture.weight == 1:
        return
    if images.dtype != np.uint8:
        own, other = (images.dtype.type(part) for part in (mixture.weight, 1 - mixture.weight))
        images[:] = own * images + other * mix_formulas.partners_of(NUMPY, images, partner)
        return
    weight, rest = np.float32(mixture.weight), np.float32(1 - mixture.weight)
    if partner == "reversed":
        for i in range(len(images) // 2):
            kernels.mixing.blend_pair(images[i], images[-1 - i], weight, rest)
        return
    last = images[-1].copy()
    for i in range(len(images) - 1, -1, -1):
        kernels.mixing.blend_into(images[i], images[i - 1] if i else last, weight, rest)
