"""The mean image of a data set, which the networks of 2015 subtract."""

from collections.abc import Callable

import numpy as np

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, Reader
from keras_resnet_recipes.data.decode import UnreadableImage, opened
from keras_resnet_recipes.data.parallel import mapped


def mean_image(
    data: ImageDataset | ImageStream, picture: Callable[[np.ndarray], np.ndarray] | None = None
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
        ValueError: If the data set is empty or endless, images differ in size, or one cannot be read.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> images = np.stack([np.zeros((2, 2, 3), "uint8"), np.full((2, 2, 3), 5, "uint8")])
        >>> krr.data.mean_image(krr.data.from_arrays(images, np.zeros(2, int)))[0, 0].tolist()
        [2.5, 2.5, 2.5]

    References:
        - He et al. (arXiv 1512.03385), sections 3.4 and 4.2: "the per-pixel mean subtracted"
    """

    def pixels(reader: Reader) -> np.ndarray:
        position, read = reader
        try:
            with opened(read()[0], data.max_pixels) as source:
                image = source.rgb()
        except UnreadableImage as error:
            raise ValueError(f"cannot read {data.describe(position)}: {error}") from None
        return image if picture is None else np.asarray(picture(image))

    count, total = 0, np.zeros((), np.int64)
    for image in mapped(pixels, data.readers()):
        if count and image.shape != total.shape:
            raise ValueError(
                f"images of {data.name} must be of one size, or made so by `picture`; received {total.shape} and "
                f"{image.shape}."
            )
        count, total = count + 1, total + image
    if count == 0:
        raise ValueError(f"`data` must hold at least one image; {data.name} holds none.")
    return (total / count).astype(np.float32)
