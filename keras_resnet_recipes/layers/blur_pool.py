"""Low-pass filter before a strided convolution."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class BlurPool(keras.layers.Layer):
    """Blurs each channel with the 3x3 binomial filter, 1-2-1 by 1-2-1 divided by 16, and zeros outside.

    Before a strided convolution or pooling it removes the frequencies that the stride cannot represent, so that
    small shifts of an image change the features less. The filter has no weights. timm's `BlurPool2d` pads by
    reflection and is strided itself.

    Args:
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Input shape:
        `(batch, height, width, channels)`, floating point.

    Output shape:
        That of the input.

    Example:
        >>> from keras_resnet_recipes.layers import BlurPool
        >>> blurred = BlurPool()(keras.ops.ones((1, 4, 4, 2)))
        >>> [float(x) for x in blurred[0, 1, :, 0]]
        [0.75, 1.0, 1.0, 0.75]

    References:
        Zhang, "Making Convolutional Networks Shift-Invariant Again" (arXiv:1904.11486); position and padding:
        `BlurPoolConv2d` of libffcv/ffcv-imagenet.
    """

    def call(self, inputs: Any) -> Any:
        """Returns the blurred features."""
        line = np.array([1.0, 2.0, 1.0]) / 4
        kernel = np.broadcast_to(np.outer(line, line)[..., None, None], (3, 3, inputs.shape[-1], 1))
        return ops.depthwise_conv(
            inputs,
            ops.convert_to_tensor(kernel, inputs.dtype),
            padding="same",
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape
