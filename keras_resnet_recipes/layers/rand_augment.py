"""RandAugment as a layer."""

from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment.rand_augment import OPERATIONS
from keras_resnet_recipes.layers.image_layer import ColorLayer
from keras_resnet_recipes.layers.operations import operate

_MEAN_OF_IMAGENET = (124, 116, 104)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandAugment(ColorLayer):
    """Applies a few random color and geometric operations to each image.

    The layer of `krr.augment.RandAugment`: timm's `rand-m7-mstd0.5-inc1` is
    `RandAugment(magnitude=7.0, std=0.5)`. Color operations give the bytes of the value; rotation,
    shear and translation differ by one level in up to 0.3 % of bytes. `keras.layers.RandAugment` draws
    the operations once per batch.

    See `call` for inputs and outputs. Images must have three channels; floating point images must be
    0..255 and are rounded to bytes.

    Args:
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level, at least 0.
        operations: Number of operations drawn per image, at least 1.
        probability: Probability of each drawn operation, 0..1.
        interpolation: Interpolation of rotation, shear and translation: "bilinear", "bicubic", or
            "random" for one of the two with equal probability.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range; when called, if the images do not have three
            channels.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import RandAugment
        >>> layer = RandAugment(magnitude=7.0, std=0.5)
        >>> tuple(layer(np.zeros((8, 32, 48, 3), "uint8")).shape)
        (8, 32, 48, 3)

    References:
        Cubuk et al., "RandAugment" (arXiv:1909.13719); timm `data/auto_augment.py`.
    """

    def __init__(
        self,
        magnitude: float = 7.0,
        std: float = 0.5,
        operations: int = 2,
        probability: float = 0.5,
        interpolation: str = "random",
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.RandAugment(magnitude, std, operations, probability, interpolation)
        super().__init__(value, seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images after the operations drawn for each, in turn."""
        _, height, width, _ = ops.shape(images)
        for turn in range(self.augmentation.operations):
            operation, argument, cubic = (
                drawn[name][:, turn] for name in ("operation", "argument", "cubic")
            )
            names = enumerate(OPERATIONS)
            images = operate(
                ops,
                images,
                {name: operation == index for index, name in names},
                argument,
                pixels=(width, height),
                fill=_MEAN_OF_IMAGENET,
                cubic=None if self.augmentation.interpolation == "bilinear" else cubic,
            )
        return images
