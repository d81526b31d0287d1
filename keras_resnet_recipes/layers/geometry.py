"""Layers that move the pixels of images: mirroring, and moving by a few pixels."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.image_layer import ImageLayer, color


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomFlip(ImageLayer):
    """Mirrors each image left to right with a given probability.

    As `keras.layers.RandomFlip("horizontal")`, but with a probability, and bytes stay bytes. Takes
    and returns what `call` says.

    Args:
        probability: Of mirroring, 0..1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If the probability is outside 0..1.

    Source: Krizhevsky et al., 'ImageNet classification with deep convolutional neural networks',
    section 4.1.

    >>> import numpy as np
    >>> image = np.array([[[1], [2]]], "uint8")
    >>> np.array(RandomFlip(probability=1.0)(image)).ravel().tolist()
    [2, 1]
    """

    def __init__(self, probability: float = 0.5, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(augment.RandomFlip(probability), seed, **kwargs)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, each mirrored or not."""
        mirrored = ops.numpy.flip(images, axis=2)
        return ops.numpy.where(drawn["flip"][:, None, None, None], mirrored, images)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class PadAndCrop(ImageLayer):
    """Enlarges each image at all sides, then cuts out a part of its first size.

    The value `krr.augment.PadAndCrop` as a layer. Takes and returns what `call` says.

    Args:
        padding: Pixels added at each side, at least 1 and less than the image has.
        fill: What they show, in the units of the image: a number or one for each channel. None
            continues the image as its mirror image, without repeating the edge.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range; when called, if the image is too small.

    Source: He et al. (arXiv 1512.03385), section 4.2; cifar10-fast `core.py`.

    >>> import numpy as np
    >>> tuple(PadAndCrop(padding=4)(np.zeros((8, 32, 32, 3), "uint8")).shape)
    (8, 32, 32, 3)
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
        # Of the units of the images, which bytes need not be.
        self.fill = None if fill is None else color(fill)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, each moved in its own way."""
        return boxes.padded_crop(ops, images, drawn["corner"], self.augmentation.padding, self.fill)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "fill": self.fill}
