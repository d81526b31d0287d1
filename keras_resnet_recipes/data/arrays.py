"""Images from arrays in memory."""

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset


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
    images, labels = np.asarray(images), np.asarray(labels)
    _check_images(images)
    labels = _checked_labels(labels, len(images))
    if images.dtype != np.uint8:
        images = np.rint(images).astype(np.uint8)
    with tf.device("CPU:0"):
        pixels, targets = tf.constant(images), tf.constant(labels)

    def read(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return as_rgb(tf.gather(pixels, index)), tf.gather(targets, index)

    return ImageDataset(
        name="the arrays",
        size=len(images),
        classes=None,
        class_names=None,
        encoded=False,
        read=read,
        describe=lambda index: f"image {index} of the arrays",
        labels=labels,
    )


def as_rgb(image: tf.Tensor) -> tf.Tensor:
    """A uint8 image [height, width], [height, width, 1] or [height, width, 3] with three channels."""
    if image.shape.rank == 2:
        image = image[..., None]
    return tf.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


def _check_images(images: np.ndarray) -> None:
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in (1, 3)):
        raise ValueError(
            "`images` must be [n, height, width, 3], [n, height, width, 1] or [n, height, width]; "
            f"received the shape {images.shape}."
        )
    if not images.size:
        raise ValueError(
            f"`images` must hold at least one image; received the shape {images.shape}."
        )
    if images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"`images` must be uint8, or float with values 0..255; received {images.dtype}."
        )
    if images.dtype != np.uint8:
        low, high = float(images.min()), float(images.max())
        # Values 0..1 would look like black pictures and train on nothing, silently.
        if not (low >= 0 and 1 < high <= 255):
            raise ValueError(f"float `images` must have values 0..255; received {low:g}..{high:g}.")


def _checked_labels(labels: np.ndarray, images: int) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`labels` must be integers [n] or [n, 1]; received {labels.dtype} of the shape {labels.shape}."
        )
    if len(labels) != images:
        raise ValueError(
            f"`labels` must be as many as the images ({images}); received {len(labels)}."
        )
    if labels.min() < 0:
        raise ValueError(f"`labels` must be 0 or more; received {labels.min()}.")
    return labels.astype(np.int64)
