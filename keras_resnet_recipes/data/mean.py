"""The mean image of a data set, which the networks of 2015 subtract."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.decode import decode

_BATCH = 256


def mean_image(
    data: ImageDataset, picture: Callable[[tf.Tensor], tf.Tensor] | None = None
) -> np.ndarray:
    """The mean of each pixel and channel over a data set, in one pass.

    A network takes it as its normalization: over all axes of the image Keras' layer has a mean for
    each pixel, and the rest of the network is made with `include_preprocessing=False`:

        subtract = keras.layers.Normalization((1, 2, 3), mean, variance=np.ones_like(mean))
        network = krr.applications.ResNet20(include_preprocessing=False)
        images = keras.Input(mean.shape)
        model = keras.Model(images, network(subtract(images)))

    Such a network takes images of this one size.

    Args:
        data: Images, all of one size unless `picture` makes them so.
        picture: From an image, uint8 [height, width, 3], to the one that is averaged, for example
            `krr.augment.CenterCrop(224, crop_ratio=0.875)`.

    Returns:
        float32 [height, width, 3], 0..255; sums are exact.

    Raises:
        ValueError: If the data set is empty.
        tf.errors.InvalidArgumentError: If images differ in size, or one cannot be read.

    Source: He et al. (arXiv 1512.03385), sections 3.4 and 4.2: "the per-pixel mean subtracted".

    >>> import numpy as np, keras_resnet_recipes as krr
    >>> images = np.stack([np.zeros((2, 2, 3), "uint8"), np.full((2, 2, 3), 5, "uint8")])
    >>> krr.data.mean_image(krr.data.from_arrays(images, np.zeros(2, int)))[0, 0].tolist()
    [2.5, 2.5, 2.5]
    """

    def pixels(number: tf.Tensor, item: Any) -> tf.Tensor:
        image, _ = data.read(item)
        image = decode(image) if data.encoded else image
        return image if picture is None else picture(image)

    plain = tf.autograph.experimental.do_not_convert
    items = data.items(None).enumerate()  # so that an item stays one, even if it is a pair
    pictures = items.map(plain(pixels), num_parallel_calls=tf.data.AUTOTUNE)
    count, total = 0, np.int64(0)
    for batch in pictures.batch(_BATCH).prefetch(1).as_numpy_iterator():
        count += len(batch)
        total = total + batch.sum(axis=0, dtype=np.int64)
    if count == 0:
        raise ValueError(f"`data` must hold at least one image; {data.name} holds none.")
    return (total / count).astype(np.float32)
