"""Layers that erase a part of each image."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.image_layer import ImageLayer, color


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Cutout(ImageLayer):
    """Fills a square that lies entirely inside each image; all positions are equally likely.

    The layer of `krr.augment.Cutout`. See `call` for inputs and outputs.

    Args:
        size: Height and width of the square in pixels, at least 1 and at most those of the image.
        fill: A number or one per channel, in the units of the images; use 0 after normalization.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range; when called, if the image is too small.

    Example:
        >>> import numpy as np
        >>> np.array(Cutout(size=8)(np.ones((4, 32, 32, 1)))).sum(axis=(1, 2, 3)).tolist()
        [960.0, 960.0, 960.0, 960.0]

    References:
        DeVries and Taylor, "Cutout" (arXiv:1708.04552); cifar10-fast `core.py`.
    """

    def __init__(
        self,
        size: int = 8,
        fill: float | Sequence[float] = 0.0,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(augment.Cutout(size), seed, **kwargs)
        # In the units of the images, which need not be bytes, so `augment.Cutout` cannot check it.
        self.fill = color(fill)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images with a square of each filled."""
        box = boxes.square(ops, images, self.augmentation.size, drawn["position"])
        return boxes.fill(ops, images, box, self.fill)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "fill": self.fill}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomErasing(ImageLayer):
    """Erases a rectangle inside each image with a given probability.

    The layer of `krr.augment.RandomErasing`, which explains the arguments for images in bytes.
    `keras.layers.RandomErasing` draws height and width separately, without an aspect ratio. See `call`
    for inputs and outputs.

    Args:
        probability: Probability of erasing, 0..1.
        area: Smallest and largest area as fractions of the image, within (0, 1], drawn uniformly.
        aspect: Smallest and largest ratio of height to width, greater than 0; its logarithm is
            drawn uniformly.
        fill: A number or one per channel, in the units of the images; use 0 after normalization.
        noise: Standard deviation of normal noise added to `fill`, drawn per pixel and channel; use 1
            after normalization.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import numpy as np
        >>> tuple(RandomErasing(probability=0.25)(np.ones((8, 32, 48, 3))).shape)
        (8, 32, 48, 3)

    References:
        Zhong et al., "Random erasing data augmentation" (arXiv:1708.04896); timm
        `data/random_erasing.py`.
    """

    def __init__(
        self,
        probability: float = 0.25,
        area: Sequence[float] = (0.02, 1 / 3),
        aspect: Sequence[float] = (0.3, 1 / 0.3),
        fill: float | Sequence[float] = 0.0,
        noise: float | Sequence[float] = 0.0,
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.RandomErasing(probability, area, aspect, fill, noise)
        super().__init__(value, seed, **kwargs)

    def augment(
        self, images: Any, labels: Any, ops: Any, seed: keras.random.SeedGenerator
    ) -> tuple[Any, Any]:
        """Returns the images, some of them with a rectangle erased, and the labels."""
        uniform = ops.random.uniform(
            (ops.shape(images)[0], self.uniforms), dtype="float32", seed=seed
        )
        drawn = self.drawn(ops, uniform)
        if self.augmentation.noise:
            drawn["noise"] = ops.random.normal(ops.shape(images), dtype="float32", seed=seed)
        return self.transform(images, drawn, ops), labels

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, some of them with a rectangle erased.

        With `noise`, `drawn["noise"]` is standard normal noise, float32 in the shape of the images.
        """
        box = boxes.first_that_fits(ops, images, drawn["area"], drawn["aspect"], drawn["position"])
        box = ops.numpy.where(drawn["erase"][:, None], box, ops.numpy.zeros_like(box))
        paint, noise = (
            ops.convert_to_tensor(self.augmentation.fill, "float32"),
            self.augmentation.noise,
        )
        if noise:
            paint = paint + drawn["noise"] * ops.convert_to_tensor(noise, "float32")
        return boxes.fill(ops, images, box, paint)
