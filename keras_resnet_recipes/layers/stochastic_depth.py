"""Stochastic depth: residual branches dropped at random in training."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class StochasticDepth(keras.layers.Dropout):
    """Drops whole samples of a residual branch and scales up the remaining samples.

    In training, each sample of the batch is independently set to zero with probability `rate`, or
    else divided by `1 - rate`, which preserves the mean; at inference the input is returned
    unchanged. Use it at the end of a residual branch, before the addition.

    It is `keras.layers.Dropout` with one decision per sample, except that the draw is always in
    float32: Keras on TensorFlow draws in the dtype of the input, which turns a rate of 0.0033 into
    0.0039 under float16 and 0.0079 under bfloat16.

    Args:
        rate: Probability of dropping a sample, 0..1.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If `rate` is outside 0..1.

    Input shape:
        `(batch, ...)` of any rank, floating point.

    Output shape:
        That of the input.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import StochasticDepth
        >>> branch = np.ones((1000, 4), "float32")
        >>> dropped = np.array(StochasticDepth(0.5, seed=0)(branch, training=True))
        >>> sorted(float(value) for value in np.unique(dropped))
        [0.0, 2.0]

    References:
        Huang et al., "Deep Networks with Stochastic Depth" (arXiv:1603.09382), section 3. As in
        timm's `DropPath`, outputs are scaled in training instead of at inference, and each sample is
        dropped independently instead of the whole batch.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns the inputs, with whole samples dropped in training."""
        if not training or self.rate == 0:
            return inputs
        shape = (keras.ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        # Not `keras.random.dropout`, which on torch ignores a seed generator without a seed, so that a
        # resumed run would draw other numbers.
        kept = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator) >= self.rate
        # At rate 1 nothing is kept, so there is nothing to scale.
        scale = keras.ops.cast(kept, "float32") / ((1.0 - self.rate) or 1.0)
        return inputs * keras.ops.cast(scale, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["noise_shape"]
        return config
