"""Shortcuts: what a block adds to its residual branch, brought to the branch's shape."""

import keras

from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
)


def projection(
    x: Tensor, filters: int, *, strides: int, name: str, everywhere: bool = False
) -> Tensor:
    """Shortcut B: the input itself, or a 1x1 convolution of it where the shape changes.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output.
        strides: Stride of the block.
        name: Name of the block.
        everywhere: Whether to convolve where the shape stays, too: shortcut C.

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
    x = convolution(x, filters, 1, strides=strides, name=f"{name}_downsample_0")
    return batch_normalization(x, name=f"{name}_downsample_1")


def average_projection(x: Tensor, filters: int, *, strides: int, name: str) -> Tensor:
    """Shortcut of ResNet-D: a 1x1 convolution of the mean of every 2x2 pixels.

    The paper's projection looks at one pixel in four. At the last column and row of an odd-sized
    image the mean is of the pixels there are.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output.
        strides: Stride of the block, 1 or 2; at 1 there is nothing to average.
        name: Name of the block.

    Returns:
        Features of the shape of the block's output; `x` where that is the same.

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
    """Shortcut A: every second pixel, and channels of zeros after those of the input.

    It has no parameters. The paper does not say where the zeros go; they are appended, as in
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
        # Keras pads the two axes it takes for height and width; under "channels_first" these are
        # the last two, of which the second one holds our channels.
        x = keras.layers.ZeroPadding2D(
            ((0, 0), (0, filters - x.shape[-1])),
            data_format="channels_first",
            name=f"{name}_downsample_1",
        )(x)
    return x
