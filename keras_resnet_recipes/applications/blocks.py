"""The pieces residual networks are put together from: convolutions, shortcuts, blocks.

Each is a function from tensor to tensor. The `name` of a piece is the one its parameters have in
timm, with `_` for `.`, so that `layer1.0.conv1.weight` is the kernel of layer `layer1_0_conv1`.
Images are channels-last whatever `keras.config.image_data_format()` says.
"""

from collections.abc import Callable

import keras

from keras_resnet_recipes.layers import StochasticDepth

Tensor = keras.KerasTensor
Shortcut = Callable[..., Tensor]


def convolution(
    x: Tensor, filters: int, kernel_size: int, *, strides: int = 1, name: str
) -> Tensor:
    """Convolves without bias, padded by the same amount on all sides.

    Keras' "same" pads a strided convolution of an even-sized image at the bottom and right only,
    which the published weights do not expect; at stride 1 the two agree.

    Args:
        x: Images or features, `(batch, height, width, channels)`.
        filters: Channels of the output.
        kernel_size: Height and width of the kernel, odd.
        strides: Step in both directions.
        name: Name of the convolution layer.

    Returns:
        Features, `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import convolution
        >>> convolution(keras.Input((32, 32, 3)), 8, 3, strides=2, name="conv1").shape
        (None, 16, 16, 8)

    References:
        Initial values: He et al., "Delving Deep into Rectifiers" (arXiv:1502.01852), equation 14,
        a normal of variance 2 / (filters * kernel_size**2). `keras.initializers.HeNormal` takes
        the fan-in and cuts the tails.
    """
    padding = "same"
    if strides > 1:
        padding = "valid"
        if kernel_size > 1:
            x = keras.layers.ZeroPadding2D(
                kernel_size // 2, data_format="channels_last", name=f"{name}_pad"
            )(x)
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name=name,
    )(x)


def batch_normalization(x: Tensor, *, gamma: str = "ones", name: str) -> Tensor:
    """Normalizes over the batch with the constants of the published weights.

    Those are epsilon 1e-5 and momentum 0.9 (Keras' own are 1e-3 and 0.99).

    Args:
        x: Features, `(batch, height, width, channels)`.
        gamma: Initializer of the scale; "zeros" makes a residual branch start as nothing.
        name: Name of the layer.

    Returns:
        Features of the same shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import batch_normalization
        >>> batch_normalization(keras.Input((32, 32, 8)), name="bn1").shape
        (None, 32, 32, 8)

    References:
        Ioffe and Szegedy (arXiv:1502.03167); the zero gamma: Goyal et al. (arXiv:1706.02677),
        section 5.1.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=name
    )(x)


def projection(x: Tensor, filters: int, *, strides: int, name: str) -> Tensor:
    """Shortcut B: the input itself, or a 1x1 convolution of it where the shape changes.

    Args:
        x: Input of the block, `(batch, height, width, channels)`.
        filters: Channels of the block's output.
        strides: Stride of the block.
        name: Name of the block.

    Returns:
        Features of the shape of the block's output.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.blocks import projection
        >>> projection(keras.Input((32, 32, 8)), 16, strides=2, name="layer2_0").shape
        (None, 16, 16, 16)

    References:
        He et al., "Deep Residual Learning for Image Recognition" (arXiv:1512.03385), section 3.3.
    """
    if strides == 1 and x.shape[-1] == filters:
        return x
    x = convolution(x, filters, 1, strides=strides, name=f"{name}_downsample_0")
    return batch_normalization(x, name=f"{name}_downsample_1")


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
        >>> from keras_resnet_recipes.applications.blocks import zero_padding
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


def basic_block(
    x: Tensor,
    filters: int,
    *,
    strides: int,
    drop_path_rate: float,
    name: str,
    shortcut: Shortcut = projection,
    last_gamma: str = "zeros",
) -> Tensor:
    """The residual block of two 3x3 convolutions, the first one strided.

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: Channels of both convolutions and of the output.
        strides: Stride of the first convolution.
        drop_path_rate: Probability of leaving out the residual branch of a sample, 0 to 1.
        name: Name of the block.
        shortcut: Function that brings `x` to the shape of the output.
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
    y = convolution(x, filters, 3, strides=strides, name=f"{name}_conv1")
    y = batch_normalization(y, name=f"{name}_bn1")
    y = keras.layers.ReLU(name=f"{name}_act1")(y)
    y = convolution(y, filters, 3, name=f"{name}_conv2")
    y = batch_normalization(y, gamma=last_gamma, name=f"{name}_bn2")
    y = _add(y, shortcut(x, filters, strides=strides, name=name), drop_path_rate, name)
    return keras.layers.ReLU(name=f"{name}_act2")(y)


def bottleneck_block(
    x: Tensor, filters: int, *, strides: int, drop_path_rate: float, name: str
) -> Tensor:
    """The residual block of a 1x1, a strided 3x3 and a widening 1x1 convolution ("v1.5").

    The paper, and `keras.applications.ResNet50` with it, has the stride in the first 1x1.

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: Channels inside the block; its output has four times as many.
        strides: Stride of the 3x3 convolution.
        drop_path_rate: Probability of leaving out the residual branch of a sample, 0 to 1.
        name: Name of the block.

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
        right; the place of the stride: timm and torchvision.
    """
    y = convolution(x, filters, 1, name=f"{name}_conv1")
    y = batch_normalization(y, name=f"{name}_bn1")
    y = keras.layers.ReLU(name=f"{name}_act1")(y)
    y = convolution(y, filters, 3, strides=strides, name=f"{name}_conv2")
    y = batch_normalization(y, name=f"{name}_bn2")
    y = keras.layers.ReLU(name=f"{name}_act2")(y)
    y = convolution(y, 4 * filters, 1, name=f"{name}_conv3")
    y = batch_normalization(y, gamma="zeros", name=f"{name}_bn3")
    y = _add(y, projection(x, 4 * filters, strides=strides, name=name), drop_path_rate, name)
    return keras.layers.ReLU(name=f"{name}_act3")(y)


def drop_path_rates(drop_path_rate: float, blocks: int) -> list[float]:
    """Rates of stochastic depth over the blocks of a network, from 0 to `drop_path_rate`.

    Args:
        drop_path_rate: Rate of the last block, 0 to 1.
        blocks: Number of residual blocks in the whole network, at least 2.

    Returns:
        One rate per block, rising linearly.

    Example:
        >>> from keras_resnet_recipes.applications.blocks import drop_path_rates
        >>> drop_path_rates(0.5, 3)
        [0.0, 0.25, 0.5]

    References:
        The linear rule: Huang et al. (arXiv:1603.09382), equation 4, there from the first block's
        share on; zero for the first block: timm.
    """
    return [drop_path_rate * block / (blocks - 1) for block in range(blocks)]


def _add(branch: Tensor, shortcut: Tensor, drop_path_rate: float, name: str) -> Tensor:
    if drop_path_rate > 0:
        branch = StochasticDepth(drop_path_rate, name=f"{name}_drop_path")(branch)
    return keras.layers.Add(name=f"{name}_add")([branch, shortcut])
