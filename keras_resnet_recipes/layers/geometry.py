"""Layers that flip images, or shift them by a few pixels."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.image_layer import ImageLayer, color


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomFlip(ImageLayer):
    """Flips each image left to right with a given probability.

    Unlike `keras.layers.RandomFlip("horizontal")` it takes a probability, and integer images stay
    integers. See `call` for inputs and outputs.

    Args:
        probability: Probability of flipping, 0..1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `probability` is outside 0..1.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[1], [2]]], "uint8")
        >>> np.array(RandomFlip(probability=1.0)(image)).ravel().tolist()
        [2, 1]

    References:
        Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
        section 4.1.
    """

    def __init__(self, probability: float = 0.5, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(augment.RandomFlip(probability), seed, **kwargs)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, some of them flipped."""
        mirrored = ops.numpy.flip(images, axis=2)
        return ops.numpy.where(drawn["flip"][:, None, None, None], mirrored, images)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class PadAndCrop(ImageLayer):
    """Pads each image on all sides, then takes a random crop of the original size.

    The layer of `krr.augment.PadAndCrop`. See `call` for inputs and outputs.

    Args:
        padding: Pixels added on each side, at least 1 and less than the image's height and width.
        fill: Color of the padding, a number or one per channel, in the units of the images. None
            pads by reflection, without repeating the edge.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range; when called, if the image is too small.

    Example:
        >>> import numpy as np
        >>> tuple(PadAndCrop(padding=4)(np.zeros((8, 32, 32, 3), "uint8")).shape)
        (8, 32, 32, 3)

    References:
        He et al. (arXiv:1512.03385), section 4.2; cifar10-fast `core.py`.
    """

    def __init__(
        self,
        padding: int = 4,
        fill: float | Sequence[float] | None = None,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(augment.PadAndCrop(padding), seed, **kwargs)
        # In the units of the images, which need not be bytes, so `augment.PadAndCrop` cannot check it.
        self.fill = None if fill is None else color(fill)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns a crop of each padded image."""
        return boxes.padded_crop(ops, images, drawn["corner"], self.augmentation.padding, self.fill)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "fill": self.fill}
