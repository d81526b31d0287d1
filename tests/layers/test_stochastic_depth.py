"""StochasticDepth: dropped samples, their rate, and the scale of the remaining ones."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.layers import StochasticDepth

pytestmark = pytest.mark.every_backend


def drop(rate, inputs, *, seed=0, dtype="float32"):
    outputs = StochasticDepth(rate, seed=seed, dtype=dtype)(inputs, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    return keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))


@pytest.mark.parametrize("shape", [(64,), (64, 5), (64, 7, 3), (64, 4, 4, 3), (64, 2, 2, 2, 2)])
def test_a_sample_is_dropped_whole_or_divided_by_the_keep_rate(shape):
    inputs = np.random.default_rng(0).uniform(1, 2, shape).astype("float32")
    outputs = drop(0.25, inputs)
    dropped = (outputs.reshape(64, -1) == 0).all(axis=1)
    assert 0 < dropped.sum() < 64
    # One float32 rounding of 1 / 0.75, and one of the product.
    np.testing.assert_allclose(outputs[~dropped], inputs[~dropped] / 0.75, rtol=3e-7)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("rate", [0.0033, 0.05, 0.5])
def test_the_rate_of_drops_does_not_depend_on_the_dtype(rate, dtype):
    samples = 400_000
    outputs = drop(rate, np.ones((samples, 1), "float32"), dtype=dtype)
    # Five standard deviations of the binomial; TensorFlow's own dropout in bfloat16 is 50 away.
    assert abs((outputs == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / samples)


def test_the_mean_is_preserved():
    outputs = drop(0.2, np.ones((400_000, 1), "float32"))
    # Five standard deviations: one output has variance rate / (1 - rate).
    assert abs(outputs.mean() - 1) < 5 * np.sqrt(0.25 / 400_000)


def test_draws_differ_from_call_to_call_and_repeat_with_the_seed():
    inputs = np.ones((64, 1), "float32")

    def two_draws():
        layer = StochasticDepth(0.5, seed=3)
        return [keras.ops.convert_to_numpy(layer(inputs, training=True)) for _ in range(2)]

    first, second = two_draws()
    assert (first != second).any()
    np.testing.assert_array_equal(two_draws(), [first, second])


@pytest.mark.parametrize("arguments", [{}, {"training": False}])
def test_inference_is_the_identity(arguments):
    inputs = np.random.default_rng(0).normal(size=(8, 4, 4, 3)).astype("float32")
    outputs = keras.ops.convert_to_numpy(StochasticDepth(0.9)(inputs, **arguments))
    np.testing.assert_array_equal(outputs, inputs)


def test_rate_zero_keeps_and_rate_one_drops_everything():
    inputs = np.ones((8, 3), "float32")
    np.testing.assert_array_equal(drop(0.0, inputs), inputs)
    np.testing.assert_array_equal(drop(1.0, inputs), 0 * inputs)


def test_mixed_precision_computes_in_half():
    layer = StochasticDepth(0.5, dtype="mixed_float16")
    outputs = layer(np.ones((8, 3), "float32"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"


def test_unknown_batch_size_and_config_round_trip():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, StochasticDepth(0.1, seed=7, name="drop_path")(inputs))
    assert model.output_shape == (None, 4, 4, 3)
    again = keras.Model.from_config(model.get_config())
    assert again.get_layer("drop_path").get_config() == model.get_layer("drop_path").get_config()
    assert isinstance(again.get_layer("drop_path"), StochasticDepth)
    assert (again.layers[-1].rate, again.layers[-1].seed) == (0.1, 7)


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_a_rate_outside_0_to_1_is_an_error(rate):
    with pytest.raises(ValueError, match=rf"`rate`.*between 0 and 1.*{rate}"):
        StochasticDepth(rate)
