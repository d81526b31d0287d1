"""Loss scaling with overflow detection across replicas."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class AgreeingLossScale(keras.optimizers.LossScaleOptimizer):
    """`keras.optimizers.LossScaleOptimizer` that skips an update if it overflows on any replica.

    Keras 3.15 checks only the first replica ("Each replica computed the same `finite` value, since
    `grads` is all-reduced", which is not true in Keras 3). An overflow on another replica makes all
    weights NaN permanently. No issue reports it; the code is `_tf_apply` in
    keras/src/optimizers/loss_scale_optimizer.py.

    On one device, and on JAX and torch, it equals the Keras optimizer.

    Args:
        inner_optimizer: The optimizer that is applied to the unscaled gradients.
        initial_scale: The initial scale, greater than 0.
        dynamic_growth_steps: Number of consecutive updates without overflow after which the scale is
            doubled; an overflow halves it.
        name: Name of the optimizer.

    Example:
        >>> optimizer = AgreeingLossScale(keras.optimizers.SGD(0.1), initial_scale=8.0)
        >>> weight = keras.Variable([1.0])
        >>> optimizer.build([weight])
        >>> optimizer.apply([keras.ops.array([float("inf")])], [weight])
        >>> float(weight[0]), float(optimizer.dynamic_scale)
        (1.0, 4.0)
    """

    def check_finite(self, grads: list[Any]) -> Any:
        """Returns whether all gradients of all replicas are finite, a boolean scalar."""
        finite = super().check_finite(grads)
        if keras.backend.backend() != "tensorflow":
            return finite
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return finite
        overflows = replica.all_reduce(
            tf.distribute.ReduceOp.SUM, tf.cast(tf.logical_not(finite), tf.float32)
        )
        return tf.equal(overflows, 0.0)
