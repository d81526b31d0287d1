"""Mixing the images of a batch and their labels: MixUp, CutMix, or one of the two by chance.

A batch has one mixing weight and one box. The partner of image i of n is image n - 1 - i.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from keras_resnet_recipes.augment.augmentation import split_seed


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


@dataclass(frozen=True)
class MixUpOrCutMix:
    """MixUp or CutMix, one of them drawn anew for every batch.

    `keras.layers.MixUp` and `CutMix` draw a weight for each image and permute the batch.

    Args:
        mixup_alpha: MixUp's weight is drawn from Beta(alpha, alpha); 0 or None switches it off.
        cutmix_alpha: The same for CutMix.
        probability: Of mixing a batch at all, 0..1.
        switch_probability: Of CutMix where both are on, 0..1.

    Raises:
        ValueError: If an argument is out of its range; when called, if either kind is on and the
            batch is odd.

    Source: timm `data/mixup.py`, mode "batch", as in 'ResNet strikes back' (arXiv 2110.00476).

    >>> mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
    >>> images, labels = mix(tf.zeros([2, 8, 8, 3], tf.uint8), tf.eye(2), seed=(0, 1))
    >>> images.shape, labels.shape
    (TensorShape([2, 8, 8, 3]), TensorShape([2, 2]))
    """

    mixup_alpha: float | None
    cutmix_alpha: float | None
    probability: float = 1.0
    switch_probability: float = 0.5

    def __post_init__(self) -> None:
        for name in ("mixup_alpha", "cutmix_alpha"):
            _check_alpha(name, getattr(self, name))
        for name in ("probability", "switch_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in 0..1, got {getattr(self, name)!r}")

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch.

        Args:
            images: uint8 or floating point, [n, height, width, channels] with an even n.
            labels: Floating point [n, classes].
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            Images and labels of the same shapes and types.
        """
        if not (self.mixup_alpha or self.cutmix_alpha):
            return images, labels
        whether, which, blend, cut = split_seed(seed, 4)
        kinds = []
        if self.mixup_alpha:
            kinds.append(lambda: _draw_mixup(self.mixup_alpha, blend))
        if self.cutmix_alpha:
            kinds.append(lambda: _draw_cutmix(images, self.cutmix_alpha, cut))
        switch = tf.random.stateless_uniform([], which) < self.switch_probability
        mixed = tf.random.stateless_uniform([], whether) < self.probability
        weight, box, share = tf.cond(
            mixed,
            lambda: tf.cond(switch, kinds[-1], kinds[0]),
            lambda: (tf.ones([], tf.float64), tf.zeros([4], tf.int32), tf.ones([], tf.float64)),
        )
        return _mix(images, labels, weight, box, share)


@dataclass(frozen=True)
class MixUp:
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

    alpha: float | None

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.alpha)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=self.alpha, cutmix_alpha=None)(images, labels, seed)


@dataclass(frozen=True)
class CutMix:
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

    alpha: float | None

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.alpha)

    def __call__(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor | Sequence[int]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mix one batch; see `MixUpOrCutMix`."""
        return MixUpOrCutMix(mixup_alpha=None, cutmix_alpha=self.alpha)(images, labels, seed)


def _check_alpha(name: str, alpha: float | None) -> None:
    if not (alpha is None or alpha >= 0):
        raise ValueError(f"{name} must be at least 0 or None, got {alpha!r}")


def _draw_beta(alpha: float, seed: tf.Tensor) -> tf.Tensor:
    """Beta(alpha, alpha) as the share of one of two gamma variates.

    Small shapes give gamma variates that vanish even in double precision; their logarithms, by
    gamma(alpha) = gamma(alpha + 1) * uniform ** (1 / alpha), do not.
    """
    first, second = split_seed(seed, 2)
    gamma = tf.random.stateless_gamma([2], first, alpha=alpha + 1, dtype=tf.float64)
    uniform = 1.0 - tf.random.stateless_uniform([2], second, dtype=tf.float64)
    logarithm = tf.math.log(gamma) + tf.math.log(uniform) / alpha
    return tf.sigmoid(logarithm[0] - logarithm[1])


def _draw_mixup(alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    lam = _draw_beta(alpha, seed)
    return lam, tf.zeros([4], tf.int32), lam


def _draw_cutmix(
    images: tf.Tensor, alpha: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    first, second = split_seed(seed, 2)
    size = tf.cast(tf.shape(images)[1:3], tf.float64)
    center = tf.floor(tf.random.stateless_uniform([2], second, dtype=tf.float64) * size)
    box, share = _cut(images, _draw_beta(alpha, first), tf.cast(center, tf.int32))
    return tf.ones([], tf.float64), box, share


def _cut(images: tf.Tensor, lam: tf.Tensor, center: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The box, int32 [top, left, bottom, right], and the share of the image outside it."""
    size = tf.shape(images)[1:3]
    half = tf.cast(tf.cast(size, tf.float64) * tf.sqrt(1.0 - lam), tf.int32) // 2
    low, high = tf.maximum(center - half, 0), tf.minimum(center + half, size)
    share = 1.0 - tf.reduce_prod(high - low) / tf.reduce_prod(size)
    return tf.concat([low, high], 0), share


def _mix(
    images: tf.Tensor, labels: tf.Tensor, weight: tf.Tensor, box: tf.Tensor, share: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend with the given weight outside the box, take the partner inside it."""
    images, labels = tf.convert_to_tensor(images), tf.convert_to_tensor(labels)
    if images.shape[0] is not None and images.shape[0] % 2:
        raise ValueError(f"images must be an even number to mix, got {images.shape[0]}")
    mix = _fused_mix if images.shape.is_fully_defined() else _mix_images
    share = tf.cast(share, labels.dtype)
    labels = share * labels + (1 - share) * tf.reverse(labels, [0])
    return mix(images, weight, box), labels


def _mix_images(images: tf.Tensor, weight: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    partners = tf.reverse(images, [0])
    if images.dtype.is_integer:
        blend = tf.round(_share(images, weight) + _share(partners, 1.0 - weight))
    else:
        own, other = tf.cast(weight, images.dtype), tf.cast(1.0 - weight, images.dtype)
        blend = own * images + other * partners
    rows, columns = tf.range(tf.shape(images)[1]), tf.range(tf.shape(images)[2])
    in_rows = (rows >= box[0]) & (rows < box[2])
    in_columns = (columns >= box[1]) & (columns < box[3])
    inside = (in_rows[:, None] & in_columns[None, :])[None, :, :, None]
    return tf.where(inside, partners, tf.cast(blend, images.dtype))


def _share(images: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """The product in single precision, with a rounding of its own.

    XLA would join a plain product and the sum after it into one operation with one rounding, and
    ties would be rounded to other bytes; a limit that is never reached stands between them.
    """
    return tf.maximum(tf.cast(images, tf.float32) * tf.cast(weight, tf.float32), -1.0)


# One pass over the batch instead of ten; worth a compilation for each shape of batch.
_fused_mix = tf.function(_mix_images, autograph=False, jit_compile=True)
