"""Batch normalization over small groups of a batch."""

from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.layers.batch_normalization import BatchNormalization, dtype_of_sums


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class GhostBatchNormalization(BatchNormalization):
    """Batch normalization whose training statistics are computed over small groups of images.

    A batch is split into groups of `group_size` consecutive images (the last may be smaller), and each
    group is normalized by its own mean and variance. The moving statistics, used at inference, move
    towards the average over groups of the means and of the variances, as if each group had its own
    moving average and these were averaged in the end. As in torch, the moving variance is the unbiased
    estimate, with n - 1 in the denominator for the n values of a channel in a group.

    Under `tf.distribute` the batch is a device's shard. On JAX a group may span devices; give each
    device a multiple of `group_size`, or they wait for each other.

    Args:
        group_size: Number of images per group, at least 1.
        **kwargs: Arguments of `keras.layers.BatchNormalization`; channels must be last, and `renorm` and
            `synchronized` are not supported.

    Raises:
        ValueError: If `group_size` is less than 1, `axis` is not the last, or `renorm` or
            `synchronized` is set.

    Input shape:
        `(batch, ..., channels)`, floating point.

    Output shape:
        That of the input.

    Example:
        >>> from keras_resnet_recipes.layers import GhostBatchNormalization
        >>> layer = GhostBatchNormalization(group_size=2)
        >>> outputs = layer(keras.ops.array([[1.0], [3.0], [10.0], [30.0]]), training=True)
        >>> [round(float(x)) for x in outputs[:, 0]]
        [-1, 1, -1, 1]

    References:
        Hoffer et al., "Train longer, generalize better" (arXiv:1705.08741), section 4, and
        `GhostBatchNorm` of davidcpage/cifar10-fast. There image i belongs to group i mod (number of
        groups). In a shuffled batch consecutive images are an equally good group, and micro-batches
        and shards contain whole groups.
    """

    def __init__(self, group_size: int = 32, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if group_size < 1:
            raise ValueError(
                f"`group_size` must be at least 1. Received: group_size={group_size!r}"
            )
        self.group_size = int(group_size)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the normalized inputs."""
        if not training or not self.trainable:
            return super().call(inputs, training=training)
        if self.synchronized:
            raise ValueError(
                "`synchronized` must be False, because a group belongs to one device. "
                "Received: synchronized=True"
            )
        wide = dtype_of_sums(inputs)
        shape = ops.shape(inputs)
        groups, weights, counts = self._groups(ops.cast(inputs, wide))
        mean = _group_means(groups, weights)
        variance = _group_means(ops.square(groups - mean), weights)
        sample = variance * counts / ops.maximum(counts - 1, 1)
        self._move(self.moving_mean, _over_groups(mean))
        self._move(self.moving_variance, _over_groups(sample))
        outputs = (groups - mean) * ops.rsqrt(variance + self.epsilon)
        if self.scale:
            outputs = outputs * ops.cast(self.gamma, wide)
        if self.center:
            outputs = outputs + ops.cast(self.beta, wide)
        outputs = ops.reshape(outputs, (-1, *shape[1:]))[: shape[0]]
        return ops.cast(outputs, self.compute_dtype)

    def _groups(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Returns inputs as [groups, images, pixels, channels], weights in the group means, and values per group."""
        size, images = self.group_size, ops.shape(inputs)[0]
        groups = -(-images // size)
        # On TensorFlow the number of images may be a symbolic tensor.
        if not isinstance(images, int) or images % size:
            rest = [(0, 0)] * (len(inputs.shape) - 1)
            inputs = ops.pad(inputs, [(0, size - 1), *rest])[: groups * size]
        real = ops.cast(ops.arange(groups * size) < images, inputs.dtype)
        real = ops.reshape(real, (groups, size, 1, 1))
        inputs = ops.reshape(inputs, (groups, size, -1, inputs.shape[-1]))
        filled = ops.sum(real, axis=1, keepdims=True)
        return inputs, real / filled, filled * ops.cast(ops.shape(inputs)[2], inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "group_size": self.group_size}


def _over_groups(statistic: Any) -> Any:
    return ops.mean(statistic, axis=(0, 1, 2))


def _group_means(groups: Any, weights: Any) -> Any:
    images = ops.mean(groups, axis=2, keepdims=True)
    return ops.sum(images * weights, axis=1, keepdims=True)
