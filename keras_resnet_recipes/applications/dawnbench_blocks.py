"""Building blocks of David Page's CIFAR-10 networks, with the tricks of their later versions."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import keras

from keras_resnet_recipes.applications.convolution import (
    Tensor,
    batch_normalization,
    convolution,
    torch_uniform,
)
from keras_resnet_recipes.layers import CELU


def convolved(
    x: Tensor,
    filters: int,
    *,
    finish: Callable[..., Tensor],
    kernel_size: int = 3,
    strides: int = 1,
    pool: Literal["before", "after"] | None = None,
    initializer: Callable[[int], keras.Initializer] = torch_uniform,
    name: str,
) -> Tensor:
    """Applies a convolution, normalization and activation, with optional 2x2 max pooling.

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: Channels of the output.
        finish: Function that normalizes and activates, such as `activation`.
        kernel_size: Height and width of the kernel, odd.
        strides: Stride of the convolution.
        pool: Whether to pool "before" or "after" `finish`; None means no pooling.
        initializer: Function of the fan-in that returns the kernel's initializer.
        name: Prefix of the layer names.

    Returns:
        Features, `(batch, height', width', filters)`.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench_blocks import activation, convolved
        >>> convolved(keras.Input((8, 8, 3)), 4, finish=activation, pool="after", name="prep").shape
        (None, 4, 4, 4)

    References:
        `conv_bn` of `new_dawn.py` in davidcpage/cifar10-fast.
    """
    halve = keras.layers.MaxPooling2D(2, data_format="channels_last", name=f"{name}_pool")
    x = plain_convolution(
        x, filters, kernel_size, strides=strides, initializer=initializer, name=f"{name}_conv"
    )
    if pool == "before":
        x = halve(x)
    x = finish(x, name=name)
    return halve(x) if pool == "after" else x


def plain_convolution(
    x: Tensor,
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    initializer: Callable[[int], keras.Initializer] = torch_uniform,
    name: str,
) -> Tensor:
    """Applies a convolution without bias, with torch's default initializer.

    Args:
        x: Features, `(batch, height, width, channels)`.
        filters: Channels of the output.
        kernel_size: Height and width of the kernel, odd.
        strides: Stride.
        initializer: Function of the fan-in that returns the kernel's initializer.
        name: Name of the layer.

    Returns:
        Features, `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench_blocks import plain_convolution
        >>> plain_convolution(keras.Input((8, 8, 3)), 4, 3, name="conv").shape
        (None, 8, 8, 4)

    References:
        torch's `nn.Conv2d`.
    """
    fan_in = kernel_size**2 * x.shape[-1]
    return convolution(
        x,
        filters,
        kernel_size,
        strides=strides,
        initializer=partial(initializer, fan_in),
        name=name,
    )


def whitened(
    images: Tensor,
    *,
    size: int = 3,
    negatives: bool = False,
    padding: Literal["same", "valid"] = "same",
    name: str,
) -> Tensor:
    """Applies a fixed convolution for whitening.

    Its filters are initialized to a random orthogonal matrix, and set by `whitening.whiten`.

    Args:
        images: Normalized images, `(batch, height, width, channels)`.
        size: Height and width of the patches.
        negatives: Whether every filter also occurs with the other sign.
        padding: "same" pads with zeros to keep the size; "valid" does not pad.
        name: Name of the layer.

    Returns:
        Features, `(batch, height', width', size * size * channels)`, or twice as many with `negatives`.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench_blocks import whitened
        >>> whitened(keras.Input((32, 32, 3)), name="whiten").shape
        (None, 32, 32, 27)

    References:
        `whitening_block` of `bag_of_tricks.ipynb` in davidcpage/cifar10-fast.
    """
    layer = keras.layers.Conv2D(
        size**2 * images.shape[-1] * (1 + negatives),
        size,
        padding=padding,
        data_format="channels_last",
        use_bias=False,
        kernel_initializer="orthogonal",
        trainable=False,
        name=name,
    )
    return layer(images)


def activation(
    x: Tensor,
    *,
    uniform_gamma: bool = False,
    frozen_gamma: bool = False,
    group_size: int | None = None,
    celu_alpha: float | None = None,
    name: str,
) -> Tensor:
    """Applies batch normalization, and ReLU or CELU.

    Args:
        x: Features, `(batch, height, width, channels)`.
        uniform_gamma: Whether scales are initialized uniformly in 0..1 instead of to 1.
        frozen_gamma: Whether scales are fixed at 1.
        group_size: Images per group of ghost batch normalization; None normalizes over the whole batch.
        celu_alpha: Alpha of CELU; None means ReLU.
        name: Prefix of the layer names.

    Returns:
        Features of the same shape.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench_blocks import activation
        >>> activation(keras.Input((8, 8, 3)), celu_alpha=0.3, name="prep").shape
        (None, 8, 8, 3)

    References:
        `conv_bn` of `new_dawn.py` in davidcpage/cifar10-fast.
    """
    # A new initializer each time, because one that is used twice draws the same numbers twice.
    gamma = keras.initializers.RandomUniform(0.0, 1.0) if uniform_gamma else "ones"
    x = batch_normalization(
        x, gamma=None if frozen_gamma else gamma, group_size=group_size, name=f"{name}_bn"
    )
    if celu_alpha is None:
        return keras.layers.ReLU(name=f"{name}_relu")(x)
    return CELU(celu_alpha, name=f"{name}_celu")(x)


def dense(
    x: Tensor,
    classes: int,
    *,
    use_bias: bool,
    initializer: Callable[[], keras.Initializer] | None = None,
) -> Tensor:
    """Applies the dense layer `linear`, by default with torch's initializers.

    Args:
        x: Features, `(batch, channels)`.
        classes: Number of outputs.
        use_bias: Whether the layer has a bias.
        initializer: Function that returns the kernel's initializer; None means torch's default.

    Returns:
        Logits, `(batch, classes)`.

    Example:
        >>> from keras_resnet_recipes.applications.dawnbench_blocks import dense
        >>> dense(keras.Input((512,)), 10, use_bias=False).shape
        (None, 10)

    References:
        torch's `nn.Linear`.
    """
    return keras.layers.Dense(
        classes,
        use_bias=use_bias,
        kernel_initializer=initializer() if initializer else torch_uniform(x.shape[-1]),
        bias_initializer=torch_uniform(x.shape[-1]),
        name="linear",
    )(x)
