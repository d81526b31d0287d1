"""Layers that change the colors of images: ColorJitter and Lighting."""

import functools
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment.color_jitter import OPERATIONS
from keras_resnet_recipes.layers.hue import turn
from keras_resnet_recipes.layers.image_layer import ColorLayer
from keras_resnet_recipes.layers.operations import blended, where_any
from keras_resnet_recipes.layers.tables import look_up


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class ColorJitter(ColorLayer):
    """Changes brightness, contrast, saturation and hue by random amounts, in random order.

    The layer of `krr.augment.ColorJitter`, with the same bytes. For a strength x a factor is drawn
    uniformly from max(0, 1 - x) to 1 + x; 0 disables the operation. `keras.layers.RandomColorJitter`
    adds to the brightness instead, and works in floating point.

    See `call` for inputs and outputs. Images must have three channels; floating point images must be
    0..255 and are rounded to bytes.

    Args:
        brightness: Strength, at least 0.
        contrast: Strength, at least 0.
        saturation: Strength, at least 0.
        hue: Largest fraction of a turn around the color circle in either direction, 0..0.5.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range; when called, if the images do not have three
            channels.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import ColorJitter
        >>> tuple(ColorJitter(0.4, 0.4, 0.4)(np.zeros((8, 32, 48, 3), "uint8")).shape)
        (8, 32, 48, 3)

    References:
        torchvision `transforms/transforms.py`, ColorJitter; fb.resnet.torch `datasets/transforms.lua`.
    """

    def __init__(
        self,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(augment.ColorJitter(brightness, contrast, saturation, hue), seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images after the operations, in the order drawn for each image."""
        used = [k for k, name in enumerate(OPERATIONS) if self._strength(name)]
        for position in range(len(used)):
            images = self._operate(images, drawn["order"][:, position], drawn, used, ops)
        return images

    def _operate(
        self, images: Any, operation: Any, drawn: dict[str, Any], used: list[int], ops: Any
    ) -> Any:
        argument = drawn["argument"]
        for k in used:
            name, which = OPERATIONS[k], operation == k
            change = functools.partial(_changed, ops, name, which, argument[:, k])
            images = where_any(ops, [which], images, change)
        return images

    def _strength(self, name: str) -> float:
        return getattr(self.augmentation, name)


def _changed(ops: Any, name: str, which: Any, argument: Any, images: Any) -> Any:
    if name == "hue":
        turned = turn(ops, images, argument)
        return ops.numpy.where(which[:, None, None, None], turned, images)
    if name == "saturation":
        return blended(ops, images, {"color": which}, argument)
    return look_up(ops, images, {name: which}, argument)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Lighting(ColorLayer):
    """Adds a random color to all pixels of each image.

    The layer of `krr.augment.Lighting`, with the same bytes.

    See `call` for inputs and outputs. Images must have three channels; floating point images must be
    0..255 and are rounded to bytes.

    Args:
        std: Standard deviation, at least 0; the sources use 0.1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `std` is negative; when called, if the images do not have three channels.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import Lighting
        >>> tuple(Lighting()(np.zeros((8, 32, 48, 3), "uint8")).shape)
        (8, 32, 48, 3)

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", section
        4.1; fb.resnet.torch `datasets/imagenet.lua` and `transforms.lua`, Lighting.
    """

    def __init__(self, std: float = 0.1, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(augment.Lighting(std), seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images with a color added to each."""
        levels = ops.cast(ops.numpy.round(drawn["color"]), "int32")
        return ops.numpy.clip(images + levels[:, None, None, :], 0, 255)
