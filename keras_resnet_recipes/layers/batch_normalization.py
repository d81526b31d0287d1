"""Batch normalization as in torch."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization with torch's moving variance, fused into one operation on TensorFlow.

    It differs from `keras.layers.BatchNormalization` in two ways. The moving variance moves towards
    v n / (n - 1), where v is the variance of the n values of a channel, as in torch; in Keras it moves
    towards v. Images are normalized by TensorFlow's FusedBatchNormV3; Keras composes many operations,
    which read the features 19 times instead of 3 where XLA does not fuse them (docs/upstream.md, 20).

    Outputs keep float16 and bfloat16, and all statistics are float32. Under `tf.distribute` the
    statistics are those of a device's shard, or with `synchronized` those of the whole batch.

    Args:
        **kwargs: Arguments of `keras.layers.BatchNormalization`; channels must be last, `renorm` is not
            supported, and masks are ignored.

    Raises:
        ValueError: If `axis` is not the last, or `renorm` is set.

    Input shape:
        `(batch, ..., channels)`, floating point.

    Output shape:
        That of the input.

    Example:
        >>> from keras_resnet_recipes.layers import BatchNormalization
        >>> layer = BatchNormalization(momentum=0.0)
        >>> outputs = layer(keras.ops.array([[1.0], [3.0]]), training=True)
        >>> float(layer.moving_mean[0]), float(layer.moving_variance[0])
        (2.0, 2.0)

    References:
        Ioffe and Szegedy (arXiv:1502.03167); `torch.nn.BatchNorm2d`.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the variables of `keras.layers.BatchNormalization`."""
        if self.axis not in (-1, len(input_shape) - 1) or self.renorm:
            raise ValueError(
                "`axis` must be the last one, and `renorm` False. "
                f"Received: axis={self.axis}, renorm={self.renorm}"
            )
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the normalized inputs."""
        fused = keras.backend.backend() == "tensorflow" and len(inputs.shape) == 4
        fused = fused and inputs.dtype != "float64"
        if fused and not training:
            return self._fused(inputs, self.moving_mean, self.moving_variance)[0]
        # For a frozen layer, TensorFlow's operation has no deterministic gradient on a GPU.
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        compute = self._fused if fused and not self.synchronized else self._composed
        outputs, mean, variance = compute(inputs)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        return outputs

    def _fused(self, inputs: Any, *moving: Any) -> tuple[Any, Any, Any]:
        """Returns outputs, mean and torch's variance; of the batch if no moving statistics are given."""
        import tensorflow as tf

        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self._parameter(self.gamma, inputs, 1.0),
            offset=self._parameter(self.beta, inputs, 0.0),
            mean=ops.cast(moving[0] if moving else (), "float32"),
            variance=ops.cast(moving[1] if moving else (), "float32"),
            epsilon=self.epsilon,
            is_training=not moving,
        )
        return result.y, result.batch_mean, result.batch_variance

    def _composed(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Does the same on other backends, for other ranks, or synchronized across devices."""
        wide = ops.cast(inputs, dtype_of_sums(inputs))
        axes = tuple(range(len(inputs.shape) - 1))
        mean, variance = ops.moments(wide, axes, synchronized=self.synchronized)
        outputs = ops.batch_normalization(
            wide,
            mean,
            variance,
            axis=-1,
            offset=self._parameter(self.beta, wide, 0.0),
            scale=self._parameter(self.gamma, wide, 1.0),
            epsilon=self.epsilon,
        )
        count = ops.cast(ops.size(inputs) // inputs.shape[-1], wide.dtype)
        if self.synchronized:
            import tensorflow as tf

            count *= tf.distribute.get_replica_context().num_replicas_in_sync
        return (
            ops.cast(outputs, self.compute_dtype),
            mean,
            variance * count / ops.maximum(count - 1, 1),
        )

    def _parameter(self, variable: Any, inputs: Any, neutral: float) -> Any:
        """Returns the scale or offset, or its neutral value if the layer has none."""
        if variable is None:
            return ops.full((inputs.shape[-1],), neutral, dtype_of_sums(inputs))
        return ops.cast(variable, dtype_of_sums(inputs))

    def _move(self, moving: Any, statistic: Any) -> None:
        kept = ops.cast(moving, statistic.dtype) * self.momentum
        moving.assign(kept + statistic * (1.0 - self.momentum))


def dtype_of_sums(inputs: Any) -> str:
    """Returns float32 or float64: sums of many numbers need more than half precision."""
    # `keras.backend.result_type` reduces float64 to float32 on JAX and torch.
    double = keras.backend.standardize_dtype(inputs.dtype) == "float64"
    return "float64" if double else "float32"
