"""Stems: the first layers of the ImageNet networks, with a total stride of 4."""

import keras

from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
)


def resnet_stem(images: Tensor) -> Tensor:
    """Applies a strided 7x7 convolution and strided max pooling.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.

    Returns:
        Features, `(batch, ceil(height / 4), ceil(width / 4), 64)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.stems import resnet_stem
        >>> resnet_stem(keras.Input((224, 224, 3))).shape
        (None, 56, 56, 64)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), table 1.
    """
    return _end(convolution(images, 64, 7, strides=2, name="conv1"))


def deep_stem(images: Tensor, *, widths: tuple[int, int, int] = (32, 32, 64)) -> Tensor:
    """Applies three 3x3 convolutions, the first one strided, and strided max pooling.

    Args:
        images: Normalized images, `(batch, height, width, 3)`.
        widths: Channels of the convolutions: 32, 32, 64 in ResNet-C and -D, 64, 64, 128 in
            ResNet-S, 24, 32, 64 ("tiered") in ResNet-T.

    Returns:
        Features, `(batch, ceil(height / 4), ceil(width / 4), widths[2])`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.stems import deep_stem
        >>> deep_stem(keras.Input((224, 224, 3))).shape
        (None, 56, 56, 64)

    References:
        He et al., "Bag of Tricks for Image Classification" (arXiv:1812.01187), figure 2b; -S:
        GluonCV; -T: timm's `stem_type="deep_tiered"`.
    """
    x = images
    for index, filters in enumerate(widths[:2]):
        number = 3 * index
        x = convolution(x, filters, 3, strides=2 - index, name=f"conv1_{number}")
        x = batch_normalization(x, name=f"conv1_{number + 1}")
        x = keras.layers.ReLU(name=f"conv1_{number + 2}")(x)
    return _end(convolution(x, widths[2], 3, name="conv1_6"))


def _end(x: Tensor) -> Tensor:
    x = batch_normalization(x, name="bn1")
    x = keras.layers.ReLU(name="act1")(x)
    # After ReLU no value is negative, so zero padding does not change the maximum.
    x = keras.layers.ZeroPadding2D(1, data_format="channels_last", name="maxpool_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, data_format="channels_last", name="maxpool")(x)
