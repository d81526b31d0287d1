"""TrivialAugment as a layer."""

from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment.trivial_augment import OPERATIONS
from keras_resnet_recipes.layers.image_layer import ColorLayer
from keras_resnet_recipes.layers.operations import operate

_BLACK = (0, 0, 0)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class TrivialAugmentWide(ColorLayer):
    """Applies one random operation of random strength to each image.

    The layer of `krr.augment.TrivialAugmentWide`. Color operations give the bytes of the value;
    rotation and shear with interpolation differ by one level in up to 0.3 % of bytes. Keras has no such
    layer.

    See `call` for inputs and outputs. Images must have three channels; floating point images must be
    0..255 and are rounded to bytes.

    Args:
        interpolation: Interpolation of shear and rotation: "bilinear" as in torchvision's training
            recipe, or "nearest", the default of torchvision's class.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `interpolation` is neither; when called, if the images do not have three channels.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import TrivialAugmentWide
        >>> tuple(TrivialAugmentWide()(np.zeros((8, 32, 48, 3), "uint8")).shape)
        (8, 32, 48, 3)

    References:
        Müller and Hutter, "TrivialAugment" (arXiv:2103.10158); torchvision
        `transforms/autoaugment.py`, TrivialAugmentWide.
    """

    def __init__(
        self, interpolation: str = "bilinear", *, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(augment.TrivialAugmentWide(interpolation), seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images after the operation drawn for each."""
        return operate(
            ops,
            images,
            {name: drawn["operation"] == index for index, name in enumerate(OPERATIONS)},
            drawn["argument"],
            # A positive translation moves to the right or down.
            pixels=(-1.0, -1.0),
            fill=_BLACK,
            nearest=self.augmentation.interpolation == "nearest",
        )
