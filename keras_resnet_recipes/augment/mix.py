"""Mixing the images and labels of a batch: MixUp, CutMix, or one of the two at random.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import mix_formulas
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.mixture import Mixture, mix_in_place
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class Mix(Part, abstract=True):
    """Base class of random changes of the images and labels of a batch; subclasses implement `apply`."""

    # Without an annotation it is not a field, but a subclass can make it one.
    partner = "reversed"
    """Pairing of images; "reversed" needs an even batch size."""
    draws = "per_device"
    """Whether a recipe draws "per_device" or "per_batch", for all devices alike."""

    @property
    def mixes(self) -> bool:
        """True if batches are ever mixed."""
        return True

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns a mixed batch; the arguments are not changed.

        Args:
            images: uint8 or floating point, [n, height, width, channels]; n must be even if `partner`
                is "reversed".
            labels: Floating point [n, classes].
            rng: Random generator.

        Returns:
            New images and labels of the same shapes and dtypes.
        """
        return self.apply(np.array(images, order="C"), labels, rng)

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch like `__call__`; the images may be changed in place."""
        raise NotImplementedError


class MixUpOrCutMix(Mix):
    """MixUp or CutMix, chosen at random per batch.

    `keras.layers.MixUp` and `CutMix` draw a weight per image and permute the batch.

    Args:
        mixup_alpha: MixUp's weight is drawn from Beta(alpha, alpha); 0 or None disables MixUp.
        cutmix_alpha: CutMix's area is drawn from Beta(alpha, alpha); 0 or None disables CutMix.
        probability: Probability of mixing a batch, 0..1.
        switch_probability: Probability of CutMix if both are enabled, 0..1.
        partner: The partner of image i of n: "reversed" is image n-1-i, as in timm; "rolled" is image
            i-1, as in torchvision, whose MixUp however does not round to bytes.
        draws: In a recipe on several devices, each of which mixes its own images: "per_device" draws weight and
            box for each, as in the processes of timm and torchvision; "per_batch" draws once for all, as in GluonCV.

    Raises:
        ValueError: If an argument is out of range; when called, if the batch size is odd, `partner` is
            "reversed" and MixUp or CutMix is enabled.

    Example:
        >>> mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
        >>> images = np.zeros((2, 8, 8, 3), np.uint8)
        >>> images, labels = mix(images, np.eye(2), np.random.default_rng(0))
        >>> images.shape, labels.shape
        ((2, 8, 8, 3), (2, 2))

    References:
        timm `data/mixup.py`, mode "batch", as in "ResNet strikes back" (arXiv:2110.00476).
    """

    prefix: ClassVar[str] = "mix"
    uniforms: ClassVar[int] = 8

    mixup_alpha: float | None = number(
        None, "MixUp: lambda ~ Beta(alpha, alpha)", minimum=0, flat="mixup_alpha", off=None
    )
    cutmix_alpha: float | None = number(
        None, "CutMix: lambda ~ Beta(alpha, alpha)", minimum=0, flat="cutmix_alpha", off=None
    )
    probability: float = number(1.0, "probability of mixing a batch", minimum=0, maximum=1)
    switch_probability: float = number(
        0.5, "probability of CutMix if both are enabled", minimum=0, maximum=1
    )
    partner: str = number(
        "reversed", "image i is mixed with image n-1-i, or with i-1", choices=mix_formulas.PARTNERS
    )
    draws: str = number(
        "per_device",
        "one lambda and box for each device, or for all devices of a batch",
        choices=("per_device", "per_batch"),
    )

    @property
    def mixes(self) -> bool:
        """True if batches are ever mixed."""
        return bool(self.probability and (self.mixup_alpha or self.cutmix_alpha))

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
        if not self.mixes:
            return images, labels
        mixture = self.draw(rng, *images.shape[1:3])
        mix_in_place(images, mixture, self.partner)
        partners = mix_formulas.partners_of(NUMPY, labels, self.partner)
        return images, mix_formulas.mix_labels(NUMPY, labels, partners, mixture.share)

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Mixture:
        """Draws the mixing parameters of a batch.

        Args:
            rng: Random generator.
            height: Height of the images.
            width: Width of the images.

        Example:
            >>> mixture = MixUpOrCutMix(0.2, None).draw(np.random.default_rng(0), 8, 8)
            >>> mixture.weight == mixture.share, mixture.box
            (True, (0, 0, 0, 0))
        """
        if not (self.mixup_alpha or self.cutmix_alpha):
            return Mixture()
        weight, box, share = self.drawn(NUMPY, rng.random(self.uniforms), (height, width))
        return Mixture(float(weight), tuple(box.tolist()), float(share))

    def drawn(self, ops: Any, uniform: Any, size: Any) -> tuple[Any, Any, Any]:
        """Returns the mixing parameters of a batch; MixUp or CutMix must be enabled.

        Args:
            ops: Namespace of a backend.
            uniform: Variates in [0, 1), floating point [`uniforms`].
            size: Height and width of the images.

        Returns:
            The weight of an image's own pixels outside the box, in the dtype of `uniform`; the box, int32
            [top, left, bottom, right], inside which all pixels are the partner's; the weight of an
            image's own label, in the dtype of `uniform`.
        """
        switch = self.switch_probability
        if not (self.mixup_alpha and self.cutmix_alpha):
            switch = 1.0 if self.cutmix_alpha else 0.0
        mixed, cut = uniform[0] < self.probability, uniform[1] < switch
        blend = mix_formulas.symmetric_beta(ops, self.mixup_alpha or 1.0, uniform[2:4])
        size = ops.convert_to_tensor(size, "int32")
        center = ops.cast(ops.numpy.floor(uniform[4:6] * ops.cast(size, uniform.dtype)), "int32")
        lam = mix_formulas.symmetric_beta(ops, self.cutmix_alpha or 1.0, uniform[6:8])
        box, left = mix_formulas.cut_box(ops, size, lam, center)
        one = ops.numpy.ones_like(blend)
        weight = ops.numpy.where(mixed & ~cut, blend, one)
        box = ops.numpy.where(mixed & cut, box, ops.numpy.zeros_like(box))
        return weight, box, ops.numpy.where(mixed, ops.numpy.where(cut, left, blend), one)


class MixUp(Mix):
    """MixUp of every batch, with a weight drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; larger values mix more strongly; 0 or None disables mixing.

    Raises:
        ValueError: If `alpha` is negative; when called, if the batch size is odd.

    Example:
        >>> images = np.zeros((2, 8, 8, 3), np.uint8)
        >>> _, labels = MixUp(alpha=0.2)(images, np.eye(2), np.random.default_rng(0))
        >>> labels.sum(axis=1).tolist()
        [1.0, 1.0]

    References:
        Zhang et al., "mixup" (arXiv:1710.09412); timm `data/mixup.py`.
    """

    prefix: ClassVar[str] = "mixup"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
        return MixUpOrCutMix(self.alpha, None).apply(images, labels, rng)


class CutMix(Mix):
    """CutMix of every batch, with an area drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; 1 draws the area uniformly; 0 or None disables mixing.

    Raises:
        ValueError: If `alpha` is negative; when called, if the batch size is odd.

    Example:
        >>> images = np.zeros((2, 8, 8, 3), np.uint8)
        >>> _, labels = CutMix(alpha=1.0)(images, np.eye(2), np.random.default_rng(0))
        >>> labels.sum(axis=1).tolist()
        [1.0, 1.0]

    References:
        Yun et al., "CutMix" (arXiv:1905.04899); timm `data/mixup.py`.
    """

    prefix: ClassVar[str] = "cutmix"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def apply(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mixes a batch, its images in place; see `Mix`."""
        return MixUpOrCutMix(None, self.alpha).apply(images, labels, rng)
