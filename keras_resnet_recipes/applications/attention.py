"""Channel attention: functions that scale the channels of a residual branch."""

import math

import keras

from keras_resnet_recipes.applications.convolution import Tensor, he_normal, torch_uniform


def squeeze_and_excitation(x: Tensor, *, name: str) -> Tensor:
    """Scales each channel by the output of two dense layers applied to the means of all channels.

    The hidden layer has channels / 16 units, rounded to a multiple of 8.

    Args:
        x: Features, `(batch, height, width, channels)`.
        name: Prefix of the layer names.

    Returns:
        Features of the same shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.attention import squeeze_and_excitation
        >>> squeeze_and_excitation(keras.Input((7, 7, 2048)), name="layer4_0_se").shape
        (None, 7, 7, 2048)

    References:
        Hu et al., "Squeeze-and-Excitation Networks" (arXiv:1709.01507), section 3; the rounding,
        biases and initial values: timm's `layers/squeeze_excite.py`.
    """
    channels = x.shape[-1]
    squeezed = max(8, (channels + 64) // 128 * 8)
    y = keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", keepdims=True, name=f"{name}_mean"
    )(x)
    y = _dense(y, squeezed, name=f"{name}_fc1")
    y = keras.layers.ReLU(name=f"{name}_act")(y)
    y = _dense(y, channels, name=f"{name}_fc2")
    y = keras.layers.Activation("sigmoid", name=f"{name}_gate")(y)
    return keras.layers.Multiply(name=f"{name}_scale")([x, y])


def efficient_channel_attention(x: Tensor, *, name: str) -> Tensor:
    """Scales each channel by the sigmoid of a weighted sum of its mean and those of its neighbors.

    The sum has 3 to 7 terms: (log2(channels) + 1) / 2, rounded to an odd number.

    Args:
        x: Features, `(batch, height, width, channels)`.
        name: Prefix of the layer names.

    Returns:
        Features of the same shape.

    Example:
        >>> import keras
        >>> from keras_resnet_recipes.applications.attention import efficient_channel_attention
        >>> efficient_channel_attention(keras.Input((7, 7, 2048)), name="layer4_0_se").shape
        (None, 7, 7, 2048)

    References:
        Wang et al., "ECA-Net" (arXiv:1910.03151), equation 12; rounding and initial values:
        timm's `layers/eca.py`.
    """
    channels = x.shape[-1]
    size = int((math.log2(channels) + 1) / 2)
    kernel_size = max(3, size if size % 2 else size + 1)
    y = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name=f"{name}_mean")(x)
    y = keras.layers.Reshape((channels, 1), name=f"{name}_line")(y)
    y = keras.layers.Conv1D(
        1,
        kernel_size,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=torch_uniform(kernel_size),
        name=f"{name}_conv",
    )(y)
    y = keras.layers.Activation("sigmoid", name=f"{name}_gate")(y)
    y = keras.layers.Reshape((1, 1, channels), name=f"{name}_pixel")(y)
    return keras.layers.Multiply(name=f"{name}_scale")([x, y])


def _dense(x: Tensor, filters: int, *, name: str) -> Tensor:
    return keras.layers.Conv2D(
        filters,
        1,
        data_format="channels_last",
        kernel_initializer=he_normal(),
        bias_initializer=torch_uniform(x.shape[-1]),
        name=name,
    )(x)
