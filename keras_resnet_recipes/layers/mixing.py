"""Layers that mix the images and labels of a batch with each other."""

from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment import mix_formulas
from keras_resnet_recipes.layers.boxes import inside
from keras_resnet_recipes.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class MixUpOrCutMix(ImageLayer):
    """Applies MixUp or CutMix, chosen at random per batch.

    The layer of `krr.augment.MixUpOrCutMix`: each batch has one weight and one box, and the partner of
    image i of n is image n - 1 - i. `keras.layers.MixUp` and `CutMix` draw a weight per image.

    Labels are required, floating point [n, classes], and are returned as float32 under any dtype
    policy. The weight is in single precision, so that a mixed byte may differ from that of the value
    by one where rounding decides. See `call` for inputs and outputs.

    Args:
        mixup_alpha: MixUp's weight is drawn from Beta(alpha, alpha); 0 or None disables MixUp.
        cutmix_alpha: CutMix's area is drawn from Beta(alpha, alpha); 0 or None disables CutMix.
        probability: Probability of mixing a batch, 0..1.
        switch_probability: Probability of CutMix if both are enabled, 0..1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range; when called in training, if labels [n, classes] are
            missing or n is odd.

    Example:
        >>> import numpy as np
        >>> mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
        >>> images, labels = mix((np.zeros((2, 8, 8, 3)), np.eye(2)))
        >>> tuple(images.shape), tuple(labels.shape)
        ((2, 8, 8, 3), (2, 2))

    References:
        timm `data/mixup.py`, mode "batch", as in "ResNet strikes back" (arXiv:2110.00476).
    """

    def __init__(
        self,
        mixup_alpha: float | None,
        cutmix_alpha: float | None,
        probability: float = 1.0,
        switch_probability: float = 0.5,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.mix = augment.MixUpOrCutMix(mixup_alpha, cutmix_alpha, probability, switch_probability)

    def augment(
        self, images: Any, labels: Any, ops: Any, seed: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Returns the mixed images and labels."""
        if labels is None or len(labels.shape) != 2:
            shape = None if labels is None else tuple(labels.shape)
            raise ValueError(
                f"`labels` must be probabilities [n, classes] to be mixed. Received: shape={shape}"
            )
        labels = ops.cast(labels, "float32")
        if not self.mix.mixes:
            return images, labels
        mix_formulas.check_partner("reversed", ops.shape(images)[0])
        uniform = ops.random.uniform((self.mix.uniforms,), dtype="float32", seed=seed)
        weight, box, share = self.mix.drawn(ops, uniform, ops.shape(images)[1:3])
        partners = [mix_formulas.partners_of(ops, batch, "reversed") for batch in (images, labels)]
        images = mix_images(ops, images, partners[0], weight, box)
        return images, mix_formulas.mix_labels(ops, labels, partners[1], share)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), **self._arguments_of(self.mix)}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class MixUp(MixUpOrCutMix):
    """Applies MixUp to every batch, with a weight drawn from Beta(alpha, alpha); see `MixUpOrCutMix`.

    Args:
        alpha: At least 0; larger values mix more strongly; 0 or None disables mixing.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `alpha` is negative; when called in training, as for `MixUpOrCutMix`.

    Example:
        >>> import numpy as np
        >>> batch = MixUp(alpha=0.2)({"images": np.zeros((2, 8, 8, 3)), "labels": np.eye(2)})
        >>> np.array(batch["labels"]).sum(axis=1).round(6).tolist()
        [1.0, 1.0]

    References:
        Zhang et al., "mixup" (arXiv:1710.09412); timm `data/mixup.py`.
    """

    def __init__(self, alpha: float | None, *, seed: int | None = None, **kwargs: Any) -> None:
        augment.MixUp(alpha)  # so that the error message names `alpha`
        super().__init__(mixup_alpha=alpha, cutmix_alpha=None, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.mix.mixup_alpha}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class CutMix(MixUpOrCutMix):
    """Applies CutMix to every batch, with an area drawn from Beta(alpha, alpha); see `MixUpOrCutMix`.

    Args:
        alpha: At least 0; 1 draws the area uniformly; 0 or None disables mixing.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `alpha` is negative; when called in training, as for `MixUpOrCutMix`.

    Example:
        >>> import numpy as np
        >>> images, labels = CutMix(alpha=1.0)((np.zeros((2, 8, 8, 3)), np.eye(2)))
        >>> np.array(labels).sum(axis=1).round(6).tolist()
        [1.0, 1.0]

    References:
        Yun et al., "CutMix" (arXiv:1905.04899); timm `data/mixup.py`.
    """

    def __init__(self, alpha: float | None, *, seed: int | None = None, **kwargs: Any) -> None:
        augment.CutMix(alpha)  # so that the error message names `alpha`
        super().__init__(mixup_alpha=None, cutmix_alpha=alpha, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "alpha": self.mix.cutmix_alpha}


def mix_images(ops: Any, images: Any, partners: Any, weight: Any, box: Any) -> Any:
    """Blends images outside the box, and replaces them by their partners inside it.

    Args:
        ops: Namespace of a Keras backend.
        images: As for `blend`.
        partners: As for `blend`.
        weight: As for `blend`.
        box: int32 [top, left, bottom, right].

    Returns:
        Images of the same shape and dtype.
    """
    blended = blend(ops, images, partners, weight)
    return ops.numpy.where(inside(ops, images, box[None]), partners, blended)


def blend(ops: Any, images: Any, partners: Any, weight: Any) -> Any:
    """Blends each image with its partner.

    Args:
        ops: Namespace of a Keras backend.
        images: Bytes (the blend is rounded half to even) or floating point (it is not rounded),
            [n, height, width, channels].
        partners: The partner of each image, of the same shape and dtype.
        weight: Weight of an image's own pixels. As float64 the bytes are those of timm even if
            compiled with XLA; as float32 XLA may round ties the other way.

    Returns:
        Images of the same shape and dtype.
    """
    if "int" in str(images.dtype):
        sums = _weighted(ops, images, weight) + _weighted(ops, partners, 1 - weight)
        return ops.cast(ops.numpy.round(sums), images.dtype)
    return ops.cast(weight, images.dtype) * images + ops.cast(1 - weight, images.dtype) * partners


def _weighted(ops: Any, images: Any, weight: Any) -> Any:
    """Returns the product in single precision, rounded before it is added.

    XLA would fuse a plain product and the following sum into one operation with one rounding, and round
    ties to other bytes; a limit that is never reached prevents that.
    """
    product = ops.cast(images, "float32") * ops.cast(weight, "float32")
    return ops.numpy.maximum(product, -1.0)
