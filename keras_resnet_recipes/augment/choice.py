"""Doing one of several operations, which is known only when an image comes along."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from keras_resnet_recipes.augment import lazy_tensorflow as tf

Operation = Callable[..., Any]


def choose(
    operations: Sequence[Operation], which: tf.Tensor, image: tf.Tensor, *arguments: tf.Tensor
) -> tf.Tensor:
    """Do one of several operations; the others cost nothing.

    Args:
        operations: Functions of the image and the arguments, each to an image of the same shape and
            type.
        which: Place in `operations`, int32 scalar.
        image: Image.
        *arguments: Tensors.

    Returns:
        What the operation returns.

    >>> choose([tf.identity, tf.bitwise.invert], tf.constant(1), tf.constant([255], tf.uint8))
    <tf.Tensor: shape=(1,), dtype=uint8, numpy=array([0], dtype=uint8)>
    """
    if tf.executing_eagerly():
        branches = [functools.partial(operation, image, *arguments) for operation in operations]
        return tf.switch_case(which, branches)
    # `tf.switch_case` would be unrolled into the graph, and every image would pay for passing by
    # what it does not want.
    inputs = [tf.convert_to_tensor(value) for value in (image, *arguments)]
    specs = [tf.TensorSpec.from_tensor(value) for value in inputs]
    branches = [
        tf.function(operation, autograph=False).get_concrete_function(*specs)
        for operation in operations
    ]
    (changed,) = tf.raw_ops.StatelessCase(
        branch_index=which,
        input=inputs,
        Tout=[image.dtype],
        branches=branches,
        output_shapes=[image.shape],
    )
    return tf.ensure_shape(changed, image.shape)
