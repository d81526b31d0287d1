"""Residual blocks, and functions that all of them use.

A block is a function from tensor to tensor; shortcut and attention are functions passed to it.
"""

from collections.abc import Callable

import keras

from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
)
from keras_resnet_recipes.applications.shortcuts import projection
from keras_resnet_recipes.layers import StochasticDepth

Block = Callable[..., Tensor]
Shortcut = Callable[..., Tensor]
Attention = Callable[..., Tensor]


def basic_block(
    x: Tensor,
    filters: int,
    *,
    strides: int,
    drop_path_rate: float,
    name: str,
    shortcut: Shortcut | None = projection,
    attention: Attention | None = None,
    blur: bool = False,
    last_gamma: str = "zeros",
) -> Tensor:
    """Applies a residual block of two 3x3 convolutions, the first one strided.

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: Channels of both convolutions and of the output.
        strides: Stride of the first convolution.
        drop_path_rate: Probability of dropping the residual branch of a sample, 0 to 1.
        name: Name of the block.
        shortcut: Function that maps `x` to the shape of the output, such as `projection`. None means
            no shortcut, as in the paper's plain networks.
        attention: Function that scales the output of the branch, such as `squeeze_and_excitation`.
        blur: Whether `krr.layers.BlurPool` precedes the strided convolution.
        last_gamma: Initializer of the scale of the branch's last batch normalization.

    Returns:
        Features, `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import basic_block
        >>> x = keras.Input((32, 32, 64))
        >>> basic_block(x, 128, strides=2, drop_path_rate=0.0, name="layer2_0").shape
        (None, 16, 16, 128)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), figure 5 left.
    """
    y = convolution(x, filters, 3, strides=strides, blur=blur, name=f"{name}_conv1")
    y = batch_normalization(y, name=f"{name}_bn1")
    y = keras.layers.ReLU(name=f"{name}_act1")(y)
    y = convolution(y, filters, 3, name=f"{name}_conv2")
    y = batch_normalization(y, gamma=last_gamma, name=f"{name}_bn2")
    if attention is not None:
        y = attention(y, name=f"{name}_se")
    if shortcut is not None:
        y = add(y, shortcut(x, filters, strides=strides, name=name), drop_path_rate, name=name)
    return keras.layers.ReLU(name=f"{name}_act2")(y)


def bottleneck_block(
    x: Tensor,
    filters: int,
    *,
    strides: int,
    drop_path_rate: float,
    name: str,
    shortcut: Shortcut = projection,
    attention: Attention | None = None,
    groups: int = 1,
    group_width: int = 64,
    stride_first: bool = False,
    blur: bool = False,
    last_gamma: str = "zeros",
) -> Tensor:
    """Applies a residual block of a 1x1, a strided 3x3 and a widening 1x1 convolution ("v1.5").

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: A quarter of the output's channels. The inner convolutions have
            `filters * group_width // 64 * groups`.
        strides: Stride of the 3x3 convolution.
        drop_path_rate: Probability of dropping the residual branch of a sample, 0 to 1.
        name: Name of the block.
        shortcut: Function that maps `x` to the shape of the output, such as `projection`.
        attention: Function that scales the output of the branch, such as `squeeze_and_excitation`.
        groups: Number of groups of the 3x3 convolution: ResNeXt's cardinality.
        group_width: Channels of each group if `filters` is 64: 4 in ResNeXt-50 32x4d; 128 with
            one group in the wide networks.
        stride_first: Whether the first 1x1 convolution has the stride instead, as in the paper and in
            `keras.applications.ResNet50`.
        blur: Whether `krr.layers.BlurPool` precedes the strided convolution.
        last_gamma: Initializer of the scale of the branch's last batch normalization.

    Returns:
        Features, `(batch, ceil(height / strides), ceil(width / strides), 4 * filters)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import bottleneck_block
        >>> x = keras.Input((32, 32, 256))
        >>> bottleneck_block(x, 128, strides=2, drop_path_rate=0.0, name="layer2_0").shape
        (None, 16, 16, 512)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), figure 5
        right; the position of the stride: timm and torchvision.
    """
    width = filters * group_width // 64 * groups
    first, second = (strides, 1) if stride_first else (1, strides)
    y = convolution(x, width, 1, strides=first, blur=blur, name=f"{name}_conv1")
    y = batch_normalization(y, name=f"{name}_bn1")
    y = keras.layers.ReLU(name=f"{name}_act1")(y)
    y = convolution(y, width, 3, strides=second, groups=groups, blur=blur, name=f"{name}_conv2")
    y = batch_normalization(y, name=f"{name}_bn2")
    y = keras.layers.ReLU(name=f"{name}_act2")(y)
    y = convolution(y, 4 * filters, 1, name=f"{name}_conv3")
    y = batch_normalization(y, gamma=last_gamma, name=f"{name}_bn3")
    if attention is not None:
        y = attention(y, name=f"{name}_se")
    y = add(y, shortcut(x, 4 * filters, strides=strides, name=name), drop_path_rate, name=name)
    return keras.layers.ReLU(name=f"{name}_act3")(y)


def add(branch: Tensor, shortcut: Tensor, drop_path_rate: float, *, name: str) -> Tensor:
    """Adds a residual branch, with stochastic depth, to its shortcut.

    Args:
        branch: Features, `(batch, height, width, channels)`.
        shortcut: Features of the same shape.
        drop_path_rate: Probability of dropping the branch of a sample, 0 to 1.
        name: Name of the block.

    Returns:
        Features of the same shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import add
        >>> x = keras.Input((32, 32, 64))
        >>> add(x, x, 0.1, name="layer1_1").shape
        (None, 32, 32, 64)

    References:
        Huang et al., "Deep Networks with Stochastic Depth" (arXiv:1603.09382).
    """
    if drop_path_rate > 0:
        branch = StochasticDepth(drop_path_rate, name=f"{name}_drop_path")(branch)
    return keras.layers.Add(name=f"{name}_add")([branch, shortcut])


def drop_path_rates(drop_path_rate: float, blocks: int) -> list[float]:
    """Returns the rates of stochastic depth of the blocks of a network, from 0 to `drop_path_rate`.

    Args:
        drop_path_rate: Rate of the last block, 0 to 1.
        blocks: Number of residual blocks in the whole network, at least 0.

    Returns:
        One rate per block, increasing linearly; a single block has the rate of the last.

    Raises:
        ValueError: If `blocks` is 0 and `drop_path_rate` is not 0.

    Example:
        >>> from keras_resnet_recipes.applications.blocks import drop_path_rates
        >>> drop_path_rates(0.5, 3)
        [0.0, 0.25, 0.5]

    References:
        The linear rule: Huang et al. (arXiv:1603.09382), equation 4, where the first block has a nonzero
        rate; zero for the first block: timm.
    """
    if blocks == 0 and drop_path_rate != 0:
        raise ValueError(
            "`drop_path_rate` must be 0 for a network without shortcuts. "
            f"Received: drop_path_rate={drop_path_rate!r}"
        )
    if blocks == 1:
        return [drop_path_rate]
    return [drop_path_rate * block / (blocks - 1) for block in range(blocks)]
