"""Convolution and batch normalization of the published networks.

Each is a function from tensor to tensor. The `name` of a layer is that of its parameters in timm,
with `_` for `.`, so that `layer1.0.conv1.weight` is the kernel of layer `layer1_0_conv1`.
Images are channels-last regardless of `keras.config.image_data_format()`.
"""

from collections.abc import Callable

import keras

from keras_resnet_recipes.layers import BatchNormalization, BlurPool, GhostBatchNormalization

Tensor = keras.KerasTensor


def he_normal() -> keras.Initializer:
    """Returns the initializer of timm's convolutions: normal with variance 2 / fan-out.

    The fan-out is filters * kernel_size**2, not divided by groups. `keras.initializers.HeNormal`
    uses the fan-in and truncates the tails.

    Returns:
        A new initializer, because one that is used twice draws the same numbers twice.

    Example:
        >>> from keras_resnet_recipes.applications.convolution import he_normal
        >>> he_normal().mode
        'fan_out'

    References:
        He et al., "Delving Deep into Rectifiers" (arXiv:1502.01852), equation 14.
    """
    return keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )


def torch_uniform(fan_in: int) -> keras.Initializer:
    """Returns torch's default initializer of layers, for kernel and bias.

    Args:
        fan_in: Number of inputs of one output, at least 1.

    Returns:
        A new uniform initializer between plus and minus 1 / sqrt(fan_in).

    Example:
        >>> from keras_resnet_recipes.applications.convolution import torch_uniform
        >>> torch_uniform(16).maxval
        0.25

    References:
        torch's `nn.Linear.reset_parameters` and `nn.modules.conv._ConvNd.reset_parameters`.
    """
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


def convolution(
    x: Tensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    groups: int = 1,
    blur: bool = False,
    initializer: Callable[[], keras.Initializer] = he_normal,
    name: str,
) -> Tensor:
    """Applies a convolution without bias, padded equally on all sides.

    Keras' "same" pads a strided convolution of an even-sized image at the bottom and right only,
    which does not fit the published weights; with stride 1 the two agree.

    Args:
        x: Images or features, `(batch, height, width, channels)`.
        filters: Channels of the output.
        kernel_size: Height and width of the kernel, odd.
        strides: Step in both directions.
        groups: Number of channel groups, convolved separately; a divisor of the channels of `x` and of
            `filters`.
        blur: Whether `krr.layers.BlurPool` precedes a strided convolution.
        initializer: Function that returns the kernel's initializer.
        name: Name of the convolution layer.

    Returns:
        Features, `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.convolution import convolution
        >>> convolution(keras.Input((32, 32, 3)), 8, 3, strides=2, name="conv1").shape
        (None, 16, 16, 8)

    References:
        Groups: Xie et al., "Aggregated Residual Transformations" (arXiv:1611.05431), figure 3c.
    """
    padding = "same"
    if blur and strides > 1:
        x = BlurPool(name=f"{name}_blur")(x)
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
        groups=groups,
        kernel_initializer=initializer(),
        name=name,
    )(x)


def batch_normalization(
    x: Tensor,
    *,
    gamma: str | keras.Initializer | None = "ones",
    group_size: int | None = None,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
    name: str,
) -> Tensor:
    """Applies batch normalization, by default with the constants of the published weights.

    These are epsilon 1e-5 and momentum 0.9 (Keras' defaults are 1e-3 and 0.99).

    Args:
        x: Features, `(batch, height, width, channels)`.
        gamma: Initializer of the scale; with "zeros" a residual branch is initially zero. None fixes the
            scale at 1.
        group_size: Images per group of ghost batch normalization; None normalizes over the whole batch.
        momentum: Part of the moving statistics that is kept in a step, 0 to 1.
        epsilon: Added to the variance, above 0.
        name: Name of the layer.

    Returns:
        Features of the same shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.convolution import batch_normalization
        >>> batch_normalization(keras.Input((32, 32, 8)), name="bn1").shape
        (None, 32, 32, 8)

    References:
        Ioffe and Szegedy (arXiv:1502.03167); zero gamma: Goyal et al. (arXiv:1706.02677),
        section 5.1.
    """
    settings = {
        "momentum": momentum,
        "epsilon": epsilon,
        "scale": gamma is not None,
        "gamma_initializer": gamma or "ones",
        "name": name,
    }
    if group_size is None:
        return BatchNormalization(**settings)(x)
    return GhostBatchNormalization(group_size, **settings)(x)
