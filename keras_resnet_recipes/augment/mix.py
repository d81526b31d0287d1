"""Mixing the images of a batch and their labels: MixUp, CutMix, or one of the two by chance.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from keras_resnet_recipes.formulas import NUMPY, mixing
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


@dataclasses.dataclass(frozen=True)
class Mixture:
    """How a batch is mixed.

    Args:
        weight: An image's share of its own pixels outside the box.
        box: Top, left, bottom and right of the box, inside which all pixels are the partner's.
        share: An image's share of its own label.
    """

    weight: float = 1.0
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    share: float = 1.0


def one_hot(labels: np.ndarray, classes: int, label_smoothing: float = 0.0) -> np.ndarray:
    """Labels as rows of probabilities.

    Args:
        labels: Whole numbers from 0 to classes - 1, [n].
        classes: Number of classes C.
        label_smoothing: s, from 0 to 1: the right class gets 1 - s + s / C, all others s / C.

    Returns:
        float32 [n, classes].

    Raises:
        ValueError: If `label_smoothing` is outside 0..1.

    Source: Szegedy et al., 'Rethinking the inception architecture', section 7.

    >>> one_hot(np.array([1]), 4, label_smoothing=0.25).tolist()
    [[0.0625, 0.8125, 0.0625, 0.0625]]
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(
            f"`label_smoothing` must be within 0..1. Received: label_smoothing={label_smoothing!r}"
        )
    off = label_smoothing / classes
    targets = np.full((len(labels), classes), off, np.float32)
    targets[np.arange(len(labels)), labels] = 1.0 - label_smoothing + off
    return targets


def mixup(images: np.ndarray, labels: np.ndarray, lam: float) -> tuple[np.ndarray, np.ndarray]:
    """Blends every image with its partner: lam * image + (1 - lam) * partner.

    Args:
        images: uint8 (the result is rounded half to even) or floating point (it is not),
            [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Share of the image itself, 0..1.

    Returns:
        New images and labels of the same shapes and types.

    Raises:
        ValueError: If n is odd.

    Source: Zhang et al., 'mixup' (arXiv 1710.09412); timm `data/mixup.py`.

    >>> images = np.array([[[[100]]], [[[200]]]], np.uint8)
    >>> images, labels = mixup(images, np.eye(2), 0.75)
    >>> images.ravel().tolist(), labels.tolist()
    ([125, 175], [[0.75, 0.25], [0.25, 0.75]])
    """
    return mixed(images, labels, Mixture(weight=lam, share=lam))


def cutmix(
    images: np.ndarray, labels: np.ndarray, lam: float, center: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Replaces a box of every image by the same box of its partner.

    The box has int(height * sqrt(1 - lam)) rows, less one if that is odd, columns likewise, and is
    cut at the edges; labels are mixed by the area that is left (timm up to 1.0.28; later ones keep
    the odd row and column).

    Args:
        images: Any type, [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Share of the image itself before the box is cut at the edges, 0..1.
        center: Row and column of the middle of the box, two whole numbers.

    Returns:
        New images and labels of the same shapes and types.

    Raises:
        ValueError: If n is odd.

    Source: Yun et al., 'CutMix' (arXiv 1905.04899); timm `data/mixup.py`.

    >>> images = np.array([1, 2], np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    >>> images, labels = cutmix(images, np.eye(2), 0.75, center=(1, 1))
    >>> images[0, :, :, 0].tolist(), labels[0].tolist()
    ([[2, 2, 1, 1], [2, 2, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], [0.75, 0.25])
    """
    size, center = np.array(images.shape[1:3], np.int32), np.array(center, np.int32)
    box, share = mixing.cut_box(NUMPY, size, np.float64(lam), center)
    return mixed(images, labels, Mixture(box=tuple(box.tolist()), share=float(share)))


class Mix(Part, abstract=True):
    """Base class of the values that mix the images and labels of a batch.

    A subclass is called with images, labels and a generator, as `MixUpOrCutMix` is.
    """

    # Without a type it is no field, which a subclass can make it.
    partner = "reversed"
    """How images are paired; with "reversed" a batch must be even."""

    @property
    def mixes(self) -> bool:
        """Whether any batch is mixed at all."""
        return True

    def mix_batch(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch as a call does; images of bytes may be changed in place."""
        return self(images, labels, rng)


class MixUpOrCutMix(Mix):
    """MixUp or CutMix, one of them drawn anew for every batch.

    `keras.layers.MixUp` and `CutMix` draw a weight for each image and permute the batch.

    Args:
        mixup_alpha: MixUp's weight is drawn from Beta(alpha, alpha); 0 or None switches it off.
        cutmix_alpha: The same for CutMix.
        probability: Of mixing a batch at all, 0..1.
        switch_probability: Of CutMix where both are on, 0..1.
        partner: What image i of n is mixed with: "reversed" is image n-1-i, as in timm, "rolled" is
            image i-1, as in torchvision, whose MixUp is not rounded to bytes, however.

    Raises:
        ValueError: If an argument is out of its range; when called, if either kind is on and a
            batch whose partners are reversed is odd.

    Source: timm `data/mixup.py`, mode "batch", as in 'ResNet strikes back' (arXiv 2110.00476).

    >>> mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> images, labels = mix(images, np.eye(2), np.random.default_rng(0))
    >>> images.shape, labels.shape
    ((2, 8, 8, 3), (2, 2))
    """

    prefix: ClassVar[str] = "mix"

    mixup_alpha: float | None = number(
        None, "MixUp: lambda ~ Beta(alpha, alpha)", minimum=0, flat="mixup_alpha", off=None
    )
    cutmix_alpha: float | None = number(
        None, "CutMix: lambda ~ Beta(alpha, alpha)", minimum=0, flat="cutmix_alpha", off=None
    )
    probability: float = number(1.0, "part of the batches that are mixed", minimum=0, maximum=1)
    switch_probability: float = number(0.5, "part of CutMix when both are on", minimum=0, maximum=1)
    partner: str = number(
        "reversed", "image i is mixed with image n-1-i, or with i-1", choices=mixing.PARTNERS
    )

    @property
    def mixes(self) -> bool:
        """Whether any batch is mixed at all."""
        return bool(self.probability and (self.mixup_alpha or self.cutmix_alpha))

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes one batch.

        Args:
            images: uint8 or floating point, [n, height, width, channels]; n is even where partners
                are reversed.
            labels: Floating point [n, classes].
            rng: Where random numbers come from.

        Returns:
            New images and labels of the same shapes and types.
        """
        images = np.array(images)
        return self.mix_batch(images, labels, rng)

    def mix_batch(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch as a call does, its images in place."""
        if not self.mixes:
            return images, labels
        mixture = self.draw(rng, *images.shape[1:3])
        mix_in_place(images, mixture, self.partner)
        partners = mixing.partners_of(NUMPY, labels, self.partner)
        return images, mixing.mix_labels(NUMPY, labels, partners, mixture.share)

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Mixture:
        """Draws how a batch is to be mixed.

        Args:
            rng: Where random numbers come from.
            height: Of the images.
            width: Likewise.

        >>> mixture = MixUpOrCutMix(0.2, None).draw(np.random.default_rng(0), 8, 8)
        >>> mixture.weight == mixture.share, mixture.box
        (True, (0, 0, 0, 0))
        """
        if not (self.mixup_alpha or self.cutmix_alpha):
            return Mixture()
        weight, box, share = mixing.mixture(
            NUMPY,
            np.broadcast_to(np.uint8(0), (1, height, width, 1)),
            rng.random(mixing.DRAWS),
            mixup_alpha=self.mixup_alpha,
            cutmix_alpha=self.cutmix_alpha,
            probability=self.probability,
            switch_probability=self.switch_probability,
        )
        return Mixture(float(weight), tuple(box.tolist()), float(share))


class MixUp(Mix):
    """MixUp of every batch, the weight drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; the larger, the stronger; 0 or None leaves batches alone.

    Raises:
        ValueError: If alpha is negative; when called, if the batch is odd.

    Source: Zhang et al., 'mixup' (arXiv 1710.09412); timm `data/mixup.py`.

    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> _, labels = MixUp(alpha=0.2)(images, np.eye(2), np.random.default_rng(0))
    >>> labels.sum(axis=1).tolist()
    [1.0, 1.0]
    """

    prefix: ClassVar[str] = "mixup"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=self.alpha, cutmix_alpha=None)(images, labels, rng)

    def mix_batch(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch as a call does, its images in place."""
        return MixUpOrCutMix(mixup_alpha=self.alpha, cutmix_alpha=None).mix_batch(
            images, labels, rng
        )


class CutMix(Mix):
    """CutMix of every batch, the area drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; 1 draws the area uniformly; 0 or None leaves batches alone.

    Raises:
        ValueError: If alpha is negative; when called, if the batch is odd.

    Source: Yun et al., 'CutMix' (arXiv 1905.04899); timm `data/mixup.py`.

    >>> images = np.zeros((2, 8, 8, 3), np.uint8)
    >>> _, labels = CutMix(alpha=1.0)(images, np.eye(2), np.random.default_rng(0))
    >>> labels.sum(axis=1).tolist()
    [1.0, 1.0]
    """

    prefix: ClassVar[str] = "cutmix"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=None, cutmix_alpha=self.alpha)(images, labels, rng)

    def mix_batch(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch as a call does, its images in place."""
        return MixUpOrCutMix(mixup_alpha=None, cutmix_alpha=self.alpha).mix_batch(
            images, labels, rng
        )


def mixed(
    images: np.ndarray, labels: np.ndarray, mixture: Mixture, partner: str = "reversed"
) -> tuple[np.ndarray, np.ndarray]:
    """New images and labels of a batch, mixed."""
    images = np.array(images)
    mix_in_place(images, mixture, partner)
    partners = mixing.partners_of(NUMPY, labels, partner)
    return images, mixing.mix_labels(NUMPY, labels, partners, mixture.share)


def mix_in_place(images: np.ndarray, mixture: Mixture, partner: str = "reversed") -> None:
    """Blends with the weight outside the box, takes the partner's pixels inside it.

    Args:
        images: [n, height, width, channels], contiguous.
        mixture: How they are mixed.
        partner: How they are paired.

    Raises:
        ValueError: If the batch is odd and partners are reversed.
    """
    mixing.check_partner(partner, len(images))
    top, left, bottom, right = mixture.box
    if bottom > top and right > left:
        part = images[:, top:bottom, left:right]
        part[:] = mixing.partners_of(NUMPY, part.copy(), partner)
    if mixture.weight == 1:
        return
    if images.dtype != np.uint8:
        partners = mixing.partners_of(NUMPY, images, partner)
        images[:] = mixing.blend(NUMPY, images, partners, mixture.weight)
        return
    from keras_resnet_recipes.augment.kernels.mixing import blend_into, blend_pair

    weight, rest = np.float32(mixture.weight), np.float32(1 - mixture.weight)
    if partner == "reversed":
        for i in range(len(images) // 2):
            blend_pair(images[i], images[-1 - i], weight, rest)
        return
    last = images[-1].copy()
    for i in range(len(images) - 1, -1, -1):
        blend_into(images[i], images[i - 1] if i else last, weight, rest)
