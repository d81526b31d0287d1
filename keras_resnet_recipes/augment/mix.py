"""Mixing the images of a batch and their labels: MixUp, CutMix, or one of the two by chance.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import mixing
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.mixture import Mixture, mix_in_place
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Mix(Part, abstract=True):
    """A random change of the images and labels of a batch; a subclass defines `apply`."""

    # Without a type it is no field, which a subclass can make it.
    partner = "reversed"
    """How images are paired; with "reversed" a batch must be even."""

    @property
    def mixes(self) -> bool:
        """Whether any batch is mixed at all."""
        return True

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch and leaves it as it is.

        Args:
            images: uint8 or floating point, [n, height, width, channels]; n is even where partners
                are reversed.
            labels: Floating point [n, classes].
            rng: Where random numbers come from.

        Returns:
            New images and labels of the same shapes and types.
        """
        return self.apply(np.array(images, order="C"), labels, rng)

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch as a call does; the images may be changed in place."""
        raise NotImplementedError


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
    uniforms: ClassVar[int] = 8

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

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
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
        weight, box, share = self.drawn(NUMPY, rng.random(self.uniforms), (height, width))
        return Mixture(float(weight), tuple(box.tolist()), float(share))

    def drawn(self, ops: Any, uniform: Any, size: Any) -> tuple[Any, Any, Any]:
        """How a batch is to be mixed; one of the two kinds is on.

        Args:
            ops: Namespace of a backend.
            uniform: Variates in [0, 1), floating point [`uniforms`].
            size: Height and width of the images.

        Returns:
            An image's share of its own pixels outside the box, of the type of `uniform`; the box, int32
            [top, left, bottom, right], inside which all pixels are the partner's; an image's share of
            its own label, of the type of `uniform`.
        """
        switch = self.switch_probability
        if not (self.mixup_alpha and self.cutmix_alpha):
            switch = 1.0 if self.cutmix_alpha else 0.0
        mixed, cut = uniform[0] < self.probability, uniform[1] < switch
        blend = mixing.symmetric_beta(ops, self.mixup_alpha or 1.0, uniform[2:4])
        size = ops.convert_to_tensor(size, "int32")
        center = ops.cast(ops.numpy.floor(uniform[4:6] * ops.cast(size, uniform.dtype)), "int32")
        lam = mixing.symmetric_beta(ops, self.cutmix_alpha or 1.0, uniform[6:8])
        box, left = mixing.cut_box(ops, size, lam, center)
        one = ops.numpy.ones_like(blend)
        weight = ops.numpy.where(mixed & ~cut, blend, one)
        box = ops.numpy.where(mixed & cut, box, ops.numpy.zeros_like(box))
        return weight, box, ops.numpy.where(mixed, ops.numpy.where(cut, left, blend), one)


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

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
        return MixUpOrCutMix(self.alpha, None).apply(images, labels, rng)


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

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
        return MixUpOrCutMix(None, self.alpha).apply(images, labels, rng)
