"""Layers that mix the images of a batch, and their labels, with one another."""

from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment import mixing
from keras_resnet_recipes.layers.boxes import inside
from keras_resnet_recipes.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class MixUpOrCutMix(ImageLayer):
    """MixUp or CutMix, one of them drawn anew for every batch.

    The value `krr.augment.MixUpOrCutMix` as a layer: one weight and one box a batch, the partner of
    image i of n is image n - 1 - i. `keras.layers.MixUp` and `CutMix` draw a weight for each image.

    It needs labels, floating point [n, classes], which come out as float32 whatever the dtype
    policy; the weight is of single precision, so that mixed bytes may differ by one from those of
    the value, where it is a matter of rounding. Otherwise it takes and returns what `call` says.

    Args:
        mixup_alpha: MixUp's weight is drawn from Beta(alpha, alpha); 0 or None switches it off.
        cutmix_alpha: The same for CutMix.
        probability: Of mixing a batch at all, 0..1.
        switch_probability: Of CutMix where both are on, 0..1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range; when called in training, if there are no
            labels [n, classes] or n is odd.

    Source: timm `data/mixup.py`, mode "batch", as in 'ResNet strikes back' (arXiv 2110.00476).

    >>> import numpy as np
    >>> mix = MixUpOrCutMix(mixup_alpha=0.2, cutmix_alpha=1.0)
    >>> images, labels = mix((np.zeros((2, 8, 8, 3)), np.eye(2)))
    >>> tuple(images.shape), tuple(labels.shape)
    ((2, 8, 8, 3), (2, 2))
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
        """Returns the batch mixed with itself."""
        if labels is None or len(labels.shape) != 2:
            shape = None if labels is None else tuple(labels.shape)
            raise ValueError(f"labels must be probabilities [n, classes] to mix, got {shape}")
        labels = ops.cast(labels, "float32")
        if not self.mix.mixes:
            return images, labels
        mixing.check_partner("reversed", ops.shape(images)[0])
        uniform = ops.random.uniform((self.mix.uniforms,), dtype="float32", seed=seed)
        weight, box, share = self.mix.drawn(ops, uniform, ops.shape(images)[1:3])
        partners = [mixing.partners_of(ops, part, "reversed") for part in (images, labels)]
        images = mix_images(ops, images, partners[0], weight, box)
        return images, mixing.mix_labels(ops, labels, partners[1], share)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {name: value for name, value in vars(self.mix).items() if name != "partner"}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class MixUp(MixUpOrCutMix):
    """MixUp of every batch, the weight drawn from Beta(alpha, alpha); see `MixUpOrCutMix`.

    Args:
        alpha: At least 0; the larger, the stronger; 0 or None leaves batches alone.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If alpha is negative; when called in training, as `MixUpOrCutMix`.

    Source: Zhang et al., 'mixup' (arXiv 1710.09412); timm `data/mixup.py`.

    >>> import numpy as np
    >>> batch = MixUp(alpha=0.2)({"images": np.zeros((2, 8, 8, 3)), "labels": np.eye(2)})
    >>> np.array(batch["labels"]).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """

    def __init__(self, alpha: float | None, *, seed: int | None = None, **kwargs: Any) -> None:
        augment.MixUp(alpha)  # whose message has the argument's name
        super().__init__(mixup_alpha=alpha, cutmix_alpha=None, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return _with_alpha(super().get_config(), self.mix.mixup_alpha)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class CutMix(MixUpOrCutMix):
    """CutMix of every batch, the area drawn from Beta(alpha, alpha); see `MixUpOrCutMix`.

    Args:
        alpha: At least 0; 1 draws the area uniformly; 0 or None leaves batches alone.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If alpha is negative; when called in training, as `MixUpOrCutMix`.

    Source: Yun et al., 'CutMix' (arXiv 1905.04899); timm `data/mixup.py`.

    >>> import numpy as np
    >>> images, labels = CutMix(alpha=1.0)((np.zeros((2, 8, 8, 3)), np.eye(2)))
    >>> np.array(labels).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """

    def __init__(self, alpha: float | None, *, seed: int | None = None, **kwargs: Any) -> None:
        augment.CutMix(alpha)  # whose message has the argument's name
        super().__init__(mixup_alpha=None, cutmix_alpha=alpha, seed=seed, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return _with_alpha(super().get_config(), self.mix.cutmix_alpha)


def _with_alpha(config: dict[str, Any], alpha: float | None) -> dict[str, Any]:
    for name in ("mixup_alpha", "cutmix_alpha", "probability", "switch_probability"):
        del config[name]
    return {**config, "alpha": alpha}


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


def _share(ops: Any, images: Any, weight: Any) -> Any:
    """The product in single precision, with a rounding of its own.

    XLA would join a plain product and the sum after it into one operation with one rounding, and
    ties would be rounded to other bytes; a limit that is never reached stands between them.
    """
    product = ops.cast(images, "float32") * ops.cast(weight, "float32")
    return ops.numpy.maximum(product, -1.0)
