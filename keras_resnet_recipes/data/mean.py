"""The mean image of a data set, subtracted by the networks of 2015."""

from collections.abc import Callable

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, Reader
from keras_resnet_recipes.data.decode import UnreadableImage, opened
from keras_resnet_recipes.data.parallel import mapped


def mean_image(
    data: ImageDataset | ImageStream, transform: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Computes the mean of each pixel and channel over a data set, in one pass.

    To subtract it in a model, use Keras' `Normalization` over all axes of the image, which has one mean per
    pixel and channel, followed by a network with `include_preprocessing=False`:

        subtract = keras.layers.Normalization((1, 2, 3), mean, variance=np.ones_like(mean))
        network = krr.applications.ResNet20(include_preprocessing=False)
        images = keras.Input(mean.shape)
        model = keras.Model(images, network(subtract(images)))

    Such a model takes images of this size only.

    Args:
        data: Images, all of one size unless `transform` resizes them.
        transform: Applied to each image, uint8 [height, width, 3], before averaging, for example
            `krr.augment.CenterCrop(224, crop_ratio=0.875)`.

    Returns:
        float32 [height, width, 3], 0..255, computed from exact sums.

    Raises:
        ValueError: If the data set is empty or endless, images differ in size, or one cannot be read.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> images = np.stack([np.zeros((2, 2, 3), "uint8"), np.full((2, 2, 3), 5, "uint8")])
        >>> krr.data.mean_image(krr.data.from_arrays(images, np.zeros(2, int)))[0, 0].tolist()
        [2.5, 2.5, 2.5]

    References:
        He et al. (arXiv:1512.03385), sections 3.4 and 4.2: "the per-pixel mean subtracted".
    """

    def pixels(reader: Reader) -> np.ndarray:
        position, read = reader
        try:
            with opened(read()[0], data.max_pixels) as source:
                image = source.rgb()
        except UnreadableImage as error:
            raise ValueError(f"cannot read {data.describe(position)}: {error}") from None
        return image if transform is None else np.asarray(transform(image))

    count, total = 0, np.zeros((), np.int64)
    for image in mapped(pixels, data.readers()):
        if count and image.shape != total.shape:
            raise ValueError(
                f"images of {data.name} must be of one size, or resized to one by `transform`. "
                f"Received: shapes {total.shape} and {image.shape}"
            )
        count, total = count + 1, total + image
    if count == 0:
        raise ValueError(
            f"`data` must contain at least one image. Received: {data.name}, which is empty"
        )
    return (total / count).astype(np.float32)
