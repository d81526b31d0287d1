"""Images from arrays in memory."""

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.memory import ImageArrays


def from_arrays(images: np.ndarray, labels: np.ndarray) -> ImageDataset:
    """Images and labels in memory as an `ImageDataset`.

    Args:
        images: [n, height, width, 3], [n, height, width, 1] or [n, height, width]; uint8, or float with values 0..255.
        labels: Integers [n] or [n, 1], from 0.

    Raises:
        ValueError: If there is no image, a shape, dtype or range is another, or the lengths differ.

    >>> import numpy as np, keras_resnet_recipes as krr
    >>> krr.data.from_arrays(np.zeros((3, 28, 28), "uint8"), np.arange(3)).size
    3
    """
    return from_memory(ImageArrays("the arrays", images, labels))


def from_memory(arrays: ImageArrays) -> ImageDataset:
    """Checked images and labels in memory as an `ImageDataset`."""
    with tf.device("CPU:0"):
        pixels, targets = tf.constant(arrays.images), tf.constant(arrays.labels)

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return as_rgb(tf.gather(pixels, index)), tf.gather(targets, index)

    return ImageDataset(
        name=arrays.name,
        size=arrays.size,
        classes=None,
        class_names=None,
        encoded=False,
        read=read,
        describe=lambda index: f"image {index} of {arrays.name}",
        labels=arrays.labels,
        arrays=arrays,
    )


def as_rgb(image: tf.Tensor) -> tf.Tensor:
    """A uint8 image [height, width], [height, width, 1] or [height, width, 3] with three channels."""
    if image.shape.rank == 2:
        image = image[..., None]
    return tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
