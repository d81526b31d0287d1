"""Layers that paint over a part of each image."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.image_layer import ImageLayer, color


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Cutout(ImageLayer):
    """Paints over a square that lies wholly inside each image, all places equally likely.

    The value `krr.augment.Cutout` as a layer. Takes and returns what `call` says.

    Args:
        size: Height and width in pixels, at least 1 and at most those of the image.
        fill: A number or one for each channel, in the units of the image; 0 is right after
            normalisation.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range; when called, if the image is too small.

    Source: DeVries and Taylor, 'Cutout' (arXiv 1708.04552); cifar10-fast `core.py`.

    >>> import numpy as np
    >>> np.array(Cutout(size=8)(np.ones((4, 32, 32, 1)))).sum(axis=(1, 2, 3)).tolist()
    [960.0, 960.0, 960.0, 960.0]
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
        # Of the units of the images, which bytes need not be.
        self.fill = color(fill)

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, a square of each painted over."""
        box = boxes.square(ops, images, self.augmentation.size, drawn["place"])
        return boxes.fill(ops, images, box, self.fill)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "fill": self.fill}


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomErasing(ImageLayer):
    """Paints over a rectangle inside each image with a given probability.

    The value `krr.augment.RandomErasing` as a layer; what the arguments are on bytes is said
    there. `keras.layers.RandomErasing` draws height and width apart and has no aspect ratio. Takes
    and returns what `call` says.

    Args:
        probability: Of erasing, 0..1.
        area: Smallest and largest area as fractions of the image, within (0, 1], drawn uniformly.
        aspect: Smallest and largest ratio of height to width, greater than 0; its logarithm is
            drawn uniformly.
        fill: A number or one for each channel, in the units of the image; 0 is right after
            normalisation.
        noise: Standard deviation about `fill`, drawn for each pixel and channel; likewise 1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Zhong et al., 'Random erasing data augmentation' (arXiv 1708.04896); timm
    `data/random_erasing.py`.

    >>> import numpy as np
    >>> tuple(RandomErasing(probability=0.25)(np.ones((8, 32, 48, 3))).shape)
    (8, 32, 48, 3)
    """

    def __init__(
        self,
        probability: float = 0.25,
        area: Sequence[float] = (0.02, 0.33),
        aspect: Sequence[float] = (0.3, 3.3),
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
        """Returns the images, a rectangle of some of them painted over, and the labels."""
        uniform = ops.random.uniform(
            (ops.shape(images)[0], self.uniforms), dtype="float32", seed=seed
        )
        drawn = self.drawn(ops, uniform)
        if self.augmentation.noise:
            drawn["noise"] = ops.random.normal(ops.shape(images), dtype="float32", seed=seed)
        return self.transform(images, drawn, ops), labels

    def transform(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns the images, a rectangle of some of them painted over.

        With `noise`, `drawn["noise"]` is normal noise of deviation 1, float32 of the images' shape.
        """
        box = boxes.first_that_fits(ops, images, drawn["area"], drawn["aspect"], drawn["place"])
        box = ops.numpy.where(drawn["erase"][:, None], box, ops.numpy.zeros_like(box))
        paint, noise = (
            ops.convert_to_tensor(self.augmentation.fill, "float32"),
            self.augmentation.noise,
        )
        if noise:
            paint = paint + drawn["noise"] * ops.convert_to_tensor(noise, "float32")
        return boxes.fill(ops, images, box, paint)
