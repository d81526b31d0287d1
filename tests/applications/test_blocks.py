"""Blocks: padding, shortcuts, attention, stochastic depth."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications.attention import (
    efficient_channel_attention,
    squeeze_and_excitation,
)
from keras_resnet_recipes.applications.blocks import (
    basic_block,
    bottleneck_block,
    drop_path_rates,
)
from keras_resnet_recipes.applications.convolution import convolution
from keras_resnet_recipes.applications.shortcuts import (
    average_projection,
    projection,
    zero_padding,
)

pytestmark = pytest.mark.every_backend


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def run(piece, x):
    """Applies a function of Keras tensors to an array."""
    inputs = keras.Input(x.shape[1:])
    return keras.ops.convert_to_numpy(keras.Model(inputs, piece(inputs))(x, training=False))


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_convolution_is_centred_on_every_stride(kernel_size, strides, size):
    inputs = keras.Input((size, size, 1))
    model = keras.Model(inputs, convolution(inputs, 1, kernel_size, strides=strides, name="conv"))
    center = np.zeros((kernel_size, kernel_size, 1, 1), "float32")
    center[kernel_size // 2, kernel_size // 2] = 1
    model.get_layer("conv").set_weights([center])
    x = numbers(1, size, size, 1)
    outputs = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_array_equal(outputs, x[:, ::strides, ::strides])


def test_projection_is_the_identity_if_the_shape_does_not_change():
    x = keras.Input((8, 8, 16))
    assert projection(x, 16, strides=1, name="a") is x
    assert projection(x, 32, strides=1, name="b").shape == (None, 8, 8, 32)
    assert projection(x, 16, strides=2, name="c").shape == (None, 4, 4, 16)


@pytest.mark.parametrize("size", [7, 8])
def test_zero_padding_takes_every_second_pixel_and_appends_zeros(size):
    x = numbers(2, size, size, 4)
    outputs = run(lambda t: zero_padding(t, 6, strides=2, name="block"), x)
    np.testing.assert_array_equal(outputs[..., :4], x[:, ::2, ::2])
    np.testing.assert_array_equal(outputs[..., 4:], 0)
    assert outputs.shape[-1] == 6


def test_zero_padding_is_the_identity_if_the_shape_does_not_change():
    x = keras.Input((8, 8, 16))
    assert zero_padding(x, 16, strides=1, name="block") is x


@pytest.mark.parametrize("block", [basic_block, bottleneck_block])
def test_a_new_block_is_the_relu_of_its_shortcut(block):
    filters = 16 if block is basic_block else 4
    x = numbers(2, 8, 8, 16)
    outputs = run(lambda t: block(t, filters, strides=1, drop_path_rate=0.0, name="layer1_1"), x)
    np.testing.assert_array_equal(outputs, np.maximum(x, 0))


def test_the_bottleneck_has_its_stride_in_the_3x3_convolution():
    inputs = keras.Input((8, 8, 16))
    outputs = bottleneck_block(inputs, 4, strides=2, drop_path_rate=0.0, name="layer2_0")
    model = keras.Model(inputs, outputs)
    strides = [model.get_layer(f"layer2_0_conv{i}").strides for i in (1, 2, 3)]
    assert strides == [(1, 1), (2, 2), (1, 1)]
    assert model.get_layer("layer2_0_downsample_0").strides == (2, 2)


def test_the_original_bottleneck_has_its_stride_first():
    inputs = keras.Input((8, 8, 16))
    outputs = bottleneck_block(
        inputs, 4, strides=2, drop_path_rate=0.0, name="layer2_0", stride_first=True
    )
    model = keras.Model(inputs, outputs)
    strides = [model.get_layer(f"layer2_0_conv{i}").strides for i in (1, 2, 3)]
    assert strides == [(2, 2), (1, 1), (1, 1)]


def test_projection_everywhere_is_option_c():
    x = keras.Input((8, 8, 16))
    assert projection(x, 16, strides=1, name="a", everywhere=True) is not x


def test_a_block_without_shortcut_adds_nothing():
    x = numbers(2, 8, 8, 16)
    outputs = run(
        lambda t: basic_block(t, 16, strides=1, drop_path_rate=0.0, name="b", shortcut=None), x
    )
    np.testing.assert_array_equal(outputs, 0)


@pytest.mark.parametrize("size", [7, 8])
def test_averaging_shortcut_excludes_padding(size):
    inputs = keras.Input((size, size, 1))
    outputs = average_projection(inputs, 1, strides=2, name="layer2_0")
    model = keras.Model(inputs, outputs)
    x = numbers(1, size, size, 1)
    probe = keras.Model(inputs, model.get_layer("layer2_0_downsample_0").output)
    ours = keras.ops.convert_to_numpy(probe(x))
    starts = range(0, size, 2)
    means = [[x[0, i : i + 2, j : j + 2, 0].mean() for j in starts] for i in starts]
    # One rounding of a sum of four
    np.testing.assert_allclose(ours[0, ..., 0], means, atol=1e-6)
    assert average_projection(inputs, 1, strides=1, name="layer1_1") is inputs


@pytest.mark.parametrize(
    ("channels", "squeezed", "neighbors"), [(64, 8, 3), (256, 16, 5), (576, 40, 5), (2048, 128, 7)]
)
def test_attention_has_the_same_sizes_as_timm(channels, squeezed, neighbors):
    inputs = keras.Input((2, 2, channels))
    se = keras.Model(inputs, squeeze_and_excitation(inputs, name="se"))
    assert se.get_layer("se_fc1").filters == squeezed
    eca = keras.Model(inputs, efficient_channel_attention(inputs, name="se"))
    assert eca.get_layer("se_conv").kernel_size == (neighbors,)


def test_drop_path_rates_increase_from_zero():
    assert drop_path_rates(0.3, 4) == pytest.approx([0, 0.1, 0.2, 0.3], rel=1e-12)
    assert drop_path_rates(0.3, 1) == [0.3]
    assert drop_path_rates(0.0, 0) == []
