"""BatchNormalization with TensorFlow's fused operation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.layers import BatchNormalization


def images(*shape, dtype="float32"):
    return tf.cast(np.random.default_rng(0).normal(3, 2, shape), dtype)


def operations(layer, training, dtype="float32"):
    """Returns the types of the operations that read all features, forward and backward."""
    if not layer.built:
        layer.build((8, 4, 4, 2))

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
        return tape.gradient(y, x, output_gradients=tf.stop_gradient(y))

    graph = tf.function(gradient).get_concrete_function(images(8, 4, 4, 2, dtype=dtype)).graph
    read = [
        each.type
        for each in graph.get_operations()
        for x in each.inputs
        if x.shape[:3] == (8, 4, 4)
    ]
    return set(read) - {"Identity", "StopGradient"}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_features_are_read_by_one_operation_forward_and_one_backward(dtype):
    """Also in half precision: the features are not copied to float32."""
    policy = dtype if dtype == "float32" else f"mixed_{dtype}"
    layer = BatchNormalization(dtype=policy)
    fused = {"FusedBatchNormV3", "FusedBatchNormGradV3"}
    assert operations(layer, True, dtype) == operations(layer, False, dtype) == fused


def test_a_frozen_layer_has_a_deterministic_gradient():
    layer = BatchNormalization(trainable=False)
    assert not any("Fused" in each for each in operations(layer, True))


def test_keras_still_composes_operations_and_keeps_the_biased_variance():
    theirs = keras.layers.BatchNormalization(momentum=0.0)
    assert "SquaredDifference" in operations(theirs, True), "Keras has fixed it: compare the times"
    theirs(images(2, 1, 1, 2), training=True)
    biased = np.var(images(2, 1, 1, 2).numpy(), axis=(0, 1, 2))
    np.testing.assert_allclose(theirs.moving_variance, biased, rtol=1e-5)


def test_xla_computes_the_same():
    results = []
    for compiled in (False, True):
        layer = BatchNormalization(epsilon=1e-5, momentum=0.9)
        layer.build((8, 5, 5, 3))
        call = tf.function(lambda x, layer=layer: layer(x, training=True), jit_compile=compiled)
        outputs = call(images(8, 5, 5, 3)).numpy()
        results.append((outputs, layer.moving_mean.numpy(), layer.moving_variance.numpy()))
    for plain, compiled in zip(*results, strict=True):
        # Sums of 200 float32 numbers around 3, and of their squares, in two orders.
        np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)


def test_an_epsilon_below_that_of_old_cudnn():
    """`tf.nn.fused_batch_norm` would replace smaller values by 1.001e-5."""
    x = 1e-4 * images(4, 3, 3, 1)
    outputs = BatchNormalization(epsilon=1e-9)(x, training=True).numpy()
    wide = x.numpy().astype("float64")
    np.testing.assert_allclose(
        outputs, (wide - wide.mean()) / np.sqrt(wide.var() + 1e-9), rtol=1e-4, atol=1e-5
    )
