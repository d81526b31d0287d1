"""Mixing the images of a batch and their labels: MixUp, CutMix, or one of the two by chance.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.formulas import TENSORFLOW, mixing
from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


def one_hot(labels: tf.Tensor, classes: int, label_smoothing: float = 0.0) -> tf.Tensor:
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

    >>> one_hot(tf.constant([1]), 4, label_smoothing=0.25).numpy().tolist()
    [[0.0625, 0.8125, 0.0625, 0.0625]]
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in 0..1, got {label_smoothing!r}")
    off = label_smoothing / classes
    return tf.one_hot(labels, classes, on_value=1.0 - label_smoothing + off, off_value=off)


def mixup(
    images: tf.Tensor, labels: tf.Tensor, lam: tf.Tensor | float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend every image with its partner: lam * image + (1 - lam) * partner.

    Args:
        images: uint8 (the result is rounded half to even) or floating point (it is not),
            [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Share of the image itself, 0..1; float64 if a tensor.

    Returns:
        Images and labels of the same shapes and types.

    Raises:
        ValueError: If n is odd.

    Source: Zhang et al., 'mixup' (arXiv 1710.09412); timm `data/mixup.py`.

    >>> images = tf.constant([[[[100]]], [[[200]]]], tf.uint8)
    >>> images, labels = mixup(images, tf.eye(2), 0.75)
    >>> images.numpy().ravel().tolist(), labels.numpy().tolist()
    ([125, 175], [[0.75, 0.25], [0.25, 0.75]])
    """
    lam = tf.convert_to_tensor(lam, tf.float64)
    return _mix(images, labels, lam, tf.zeros([4], tf.int32), lam)


def cutmix(
    images: tf.Tensor,
    labels: tf.Tensor,
    lam: tf.Tensor | float,
    center: tf.Tensor | Sequence[int],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Replace a box of every image by the same box of its partner.

    The box has int(height * sqrt(1 - lam)) rows, less one if that is odd, columns likewise, and is
    cut at the edges; labels are mixed by the area that is left (timm up to 1.0.28; later ones keep
    the odd row and column).

    Args:
        images: Any type, [n, height, width, channels] with an even n.
        labels: Floating point [n, classes].
        lam: Share of the image itself before the box is cut at the edges, 0..1; float64 if a
            tensor.
        center: Row and column of the middle of the box, two whole numbers.

    Returns:
        Images and labels of the same shapes and types.

    Raises:
        ValueError: If n is odd.

    Source: Yun et al., 'CutMix' (arXiv 1905.04899); timm `data/mixup.py`.

    >>> images = tf.constant([1, 2], tf.uint8)[:, None, None, None] * tf.ones([4, 4, 3], tf.uint8)
    >>> images, labels = cutmix(images, tf.eye(2), 0.75, center=(1, 1))
    >>> images[0, :, :, 0].numpy().tolist(), labels[0].numpy().tolist()
    ([[2, 2, 1, 1], [2, 2, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], [0.75, 0.25])
    """
    box, share = _cut(images, tf.convert_to_tensor(lam, tf.float64), tf.convert_to_tensor(center))
    return _mix(images, labels, tf.ones([], tf.float64), box, share)


class Mix(Part, abstract=True):
    """Base class of the values that mix the images and labels of a batch.

    A subclass is called with images, labels and a seed, as `MixUpOrCutMix` is.
    """

    # Without a type it is no field, which a subclass can make it.
    partner = "reversed"
    """How images are paired; with "reversed" a batch must be even."""

    @property
    def mixes(self) -> bool:
        """Whether any batch is mixed at all."""
        return True


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
    >>> images, labels = mix(tf.zeros([2, 8, 8, 3], tf.uint8), tf.eye(2), seed=(0, 1))
    >>> images.shape, labels.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2, 2]))
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
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch.

        Args:
            images: uint8 or floating point, [n, height, width, channels]; n is even where partners
                are reversed.
            labels: Floating point [n, classes].
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            Images and labels of the same shapes and types.
        """
        if not (self.mixup_alpha or self.cutmix_alpha):
            return images, labels
        return _mix(images, labels, *self.draw(images, seed), self.partner)

    def draw(
        self, images: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """How a batch is to be mixed.

        Args:
            images: As for a call; only their size is read.
            seed: Likewise.

        Returns:
            Share of an image's own pixels outside the box, float64; box of the partner's pixels, int32
            [top, left, bottom, right], of no size but for CutMix; share of an image's own label, float64.

        >>> images = tf.zeros([2, 8, 8, 3], tf.uint8)
        >>> weight, box, share = MixUpOrCutMix(0.2, None).draw(images, seed=(0, 1))
        >>> bool(weight == share), box.numpy().tolist()
        (True, [0, 0, 0, 0])
        """
        if not (self.mixup_alpha or self.cutmix_alpha):
            return tf.ones([], tf.float64), tf.zeros([4], tf.int32), tf.ones([], tf.float64)
        # Seeds of int32 and int64 would otherwise give different numbers.
        uniform = tf.random.stateless_uniform(
            [mixing.DRAWS], tf.cast(seed, tf.int64), dtype=tf.float64
        )
        return mixing.mixture(
            TENSORFLOW,
            tf.convert_to_tensor(images),
            uniform,
            mixup_alpha=self.mixup_alpha,
            cutmix_alpha=self.cutmix_alpha,
            probability=self.probability,
            switch_probability=self.switch_probability,
        )


class MixUp(Mix):
    """MixUp of every batch, the weight drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; the larger, the stronger; 0 or None leaves batches alone.

    Raises:
        ValueError: If alpha is negative; when called, if the batch is odd.

    Source: Zhang et al., 'mixup' (arXiv 1710.09412); timm `data/mixup.py`.

    >>> images, labels = MixUp(alpha=0.2)(tf.zeros([2, 8, 8, 3]), tf.eye(2), seed=(0, 1))
    >>> labels.numpy().sum(axis=1).tolist()
    [1.0, 1.0]
    """

    prefix: ClassVar[str] = "mixup"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=self.alpha, cutmix_alpha=None)(images, labels, seed)


class CutMix(Mix):
    """CutMix of every batch, the area drawn from Beta(alpha, alpha).

    Args:
        alpha: At least 0; 1 draws the area uniformly; 0 or None leaves batches alone.

    Raises:
        ValueError: If alpha is negative; when called, if the batch is odd.

    Source: Yun et al., 'CutMix' (arXiv 1905.04899); timm `data/mixup.py`.

    >>> images, labels = CutMix(alpha=1.0)(tf.zeros([2, 8, 8, 3]), tf.eye(2), seed=(0, 1))
    >>> labels.numpy().sum(axis=1).tolist()
    [1.0, 1.0]
    """

    prefix: ClassVar[str] = "cutmix"

    alpha: float | None = number(help="lambda ~ Beta(alpha, alpha)", minimum=0)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=None, cutmix_alpha=self.alpha)(images, labels, seed)


def _cut(images: tf.Tensor, lam: tf.Tensor, center: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return mixing.cut_box(TENSORFLOW, tf.shape(images)[1:3], lam, center)


def _mix(
    images: tf.Tensor,
    labels: tf.Tensor,
    weight: tf.Tensor,
    box: tf.Tensor,
    share: tf.Tensor,
    partner: str = "reversed",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend with the given weight outside the box, take the partner inside it."""
    images, labels = tf.convert_to_tensor(images), tf.convert_to_tensor(labels)
    mixing.check_partner(partner, images.shape[0])
    known = images.shape.is_fully_defined()
    blend, paste = _FUSED if known else (_blend_images, _paste_images)
    # A batch is blended or cut, never both.
    mixed = tf.cond(
        weight < 1, lambda: blend(images, weight, partner), lambda: paste(images, box, partner)
    )
    partners = mixing.partners_of(TENSORFLOW, labels, partner)
    return mixed, mixing.mix_labels(TENSORFLOW, labels, partners, share)


def _blend_images(images: tf.Tensor, weight: tf.Tensor, partner: str) -> tf.Tensor:
    # Compiled code is twice as fast along one long row of values as along three channels.
    rows = tf.reshape(images, [tf.shape(images)[0], -1])
    partners = mixing.partners_of(TENSORFLOW, rows, partner)
    return tf.reshape(mixing.blend(TENSORFLOW, rows, partners, weight), tf.shape(images))


def _paste_images(images: tf.Tensor, box: tf.Tensor, partner: str) -> tf.Tensor:
    """The images with the box of their partners; a row of pixels is taken as a row of values."""
    n, height, width, channels = tf.unstack(tf.shape(images))
    rows, columns = tf.range(height)[:, None], tf.range(width * channels) // channels
    inside = (rows >= box[0]) & (rows < box[2]) & (columns >= box[1]) & (columns < box[3])
    folded = tf.reshape(images, [n, height, width * channels])
    partners = mixing.partners_of(TENSORFLOW, folded, partner)
    return tf.reshape(tf.where(inside, partners, folded), tf.shape(images))


_FUSED = tuple(map(tf.compiled, (_blend_images, _paste_images)))
