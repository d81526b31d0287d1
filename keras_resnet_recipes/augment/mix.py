"""Mixing the images of a batch and their labels: MixUp, CutMix, or one of the two by chance.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

from typing import ClassVar

import numpy as np

from keras_resnet_recipes.augment.mixture import Mixture, mix_in_place
from keras_resnet_recipes.formulas import NUMPY, mixing
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


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
        images = np.array(images, order="C")
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
