"""Shortcuts of residual blocks, which map the input to the shape of the branch."""

import keras

from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
)


def projection(
    x: Tensor,
    filters: int,
    *,
    strides: int,
    name: str,
    everywhere: bool = False,
    blur: bool = False,
) -> Tensor:
    """Applies shortcut B: the identity, or a 1x1 convolution where the shape changes.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output.
        strides: Stride of the block.
        name: Name of the block.
        everywhere: Whether to convolve even if the shape does not change: shortcut C.
        blur: Whether `krr.layers.BlurPool` precedes a strided convolution.

    Returns:
        Features of the shape of the block's output.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.shortcuts import projection
        >>> projection(keras.Input((32, 32, 8)), 16, strides=2, name="layer2_0").shape
        (None, 16, 16, 16)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.3.
    """
    if strides == 1 and x.shape[-1] == filters and not everywhere:
        return x
    x = convolution(x, filters, 1, strides=strides, blur=blur, name=f"{name}_downsample_0")
    return batch_normalization(x, name=f"{name}_downsample_1")


def average_projection(x: Tensor, filters: int, *, strides: int, name: str) -> Tensor:
    """Applies the shortcut of ResNet-D: 2x2 average pooling and a 1x1 convolution.

    The projection of the 2015 paper uses one pixel in four. At the last column and row of an odd-sized
    image, padding is excluded from the average.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output.
        strides: Stride of the block, 1 or 2; with 1 there is no pooling.
        name: Name of the block.

    Returns:
        Features of the shape of the block's output; `x` if it has that shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.shortcuts import average_projection
        >>> average_projection(keras.Input((31, 31, 8)), 16, strides=2, name="layer2_0").shape
        (None, 16, 16, 16)

    References:
        He et al., "Bag of Tricks for Image Classification" (arXiv:1812.01187), figure 2c.
    """
    if strides == 1 and x.shape[-1] == filters:
        return x
    if strides > 1:
        x = keras.layers.AveragePooling2D(
            strides, padding="same", data_format="channels_last", name=f"{name}_downsample_0"
        )(x)
    x = convolution(x, filters, 1, name=f"{name}_downsample_1")
    return batch_normalization(x, name=f"{name}_downsample_2")


def zero_padding(x: Tensor, filters: int, *, strides: int, name: str) -> Tensor:
    """Applies shortcut A: subsampling by the stride, and zeros for additional channels.

    It has no parameters. The paper does not specify the position of the zeros; they are appended, as in
    Facebook's fb.resnet.torch.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output, no fewer than those of `x`.
        strides: Stride of the block.
        name: Name of the block.

    Returns:
        Features of the shape of the block's output.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.shortcuts import zero_padding
        >>> zero_padding(keras.Input((32, 32, 16)), 32, strides=2, name="blocks_3").shape
        (None, 16, 16, 32)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), sections 3.3
        and 4.2.
    """
    if strides > 1:
        x = keras.layers.MaxPooling2D(
            1, strides, data_format="channels_last", name=f"{name}_downsample_0"
        )(x)
    if filters > x.shape[-1]:
        # Keras pads the height and width axes; with "channels_first" these are the last two, of which
        # the second contains the channels here.
        x = keras.layers.ZeroPadding2D(
            ((0, 0), (0, filters - x.shape[-1])),
            data_format="channels_first",
            name=f"{name}_downsample_1",
        )(x)
    return x
