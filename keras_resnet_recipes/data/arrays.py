"""Images from arrays in memory."""

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.memory import ImageArrays


def from_arrays(images: np.ndarray, labels: np.ndarray) -> ImageDataset:
    """Images and labels in memory as an `ImageDataset`.

    Args:
        images: [n, height, width, 3], [n, height, width, 1] or [n, height, width]; uint8, or float with values 0..255.
        labels: Integers [n] or [n, 1], from 0.

    Raises:
        ValueError: If there is no image, a shape, dtype or range is another, or the lengths differ.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> krr.data.from_arrays(np.zeros((3, 28, 28), "uint8"), np.arange(3)).size
        3
    """
    return from_memory(ImageArrays("the arrays", images, labels))


def from_memory(arrays: ImageArrays) -> ImageDataset:
    """Checked images and labels in memory as an `ImageDataset`."""
    return ImageDataset(
        name=arrays.name,
        size=arrays.size,
        read=lambda index: (arrays.images[index], int(arrays.labels[index])),
        labels=arrays.labels,
        arrays=arrays,
    )
