"""A trained bias as a layer of its own."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Bias(keras.layers.Layer):
    """Adds a trained number to each channel.

    `keras.layers.Conv2D` has a bias, but `trainable=False` freezes it together with the kernel. After a fixed
    convolution without bias, this layer is the bias that trains.

    Args:
        initializer: Initializer of the bias, or its name.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Input shape:
        `(..., channels)`, floating point.

    Output shape:
        That of the input.

    Example:
        >>> from keras_resnet_recipes.layers import Bias
        >>> keras.ops.convert_to_numpy(Bias("ones")(keras.ops.array([[1.0, 2.0]]))).tolist()
        [[2.0, 3.0]]

    References:
        `whiten` of `airbench94_muon.py` in KellerJordan/cifar10-airbench.
    """

    def __init__(self, initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the bias."""
        self.bias = self.add_weight(
            shape=(input_shape[-1],), initializer=self.initializer, name="bias"
        )

    def call(self, inputs: Any) -> Any:
        """Returns the sums."""
        return inputs + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}
