"""BatchNormalization against NumPy and Keras, and in models that are trained and saved."""

import contextlib
import importlib

import keras
import numpy as np
import pytest

from keras_resnet_recipes.layers import BatchNormalization

pytestmark = pytest.mark.every_backend

GAMMA, BETA = np.array([0.5, 1.0, 2.0], "float32"), np.array([1.0, 0.0, -1.0], "float32")


def inputs(*shape, seed=0):
    return (3 + 2 * np.random.default_rng(seed).normal(size=shape)).astype("float32")


def to_numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def normalized(x, mean, variance, gamma, beta):
    return (x.astype("float64") - mean) / np.sqrt(variance + 1e-5) * gamma + beta


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (4, 7, 3), (8, 3), (8, 1, 1, 3)])
@pytest.mark.parametrize("learned", [True, False])
def test_outputs_and_statistics(shape, learned):
    x = inputs(*shape)
    layer = BatchNormalization(momentum=0.9, epsilon=1e-5, scale=learned, center=learned)
    layer.build(x.shape)
    gamma, beta = (GAMMA, BETA) if learned else (1.0, 0.0)
    if learned:
        layer.gamma.assign(gamma)
        layer.beta.assign(beta)
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes, "float64"), x.var(axes, "float64")
    outputs = to_numpy(layer(x, training=True))
    # Sums of up to 120 float32 numbers around 3, divided by standard deviations of 2.
    expected = normalized(x, mean, variance, gamma, beta)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.moving_mean), 0.1 * mean, rtol=1e-5)
    sample = x.var(axes, "float64", ddof=1)
    np.testing.assert_allclose(to_numpy(layer.moving_variance), 0.9 + 0.1 * sample, rtol=1e-5)
    evaluated = normalized(x, 0.1 * mean, 0.9 + 0.1 * sample, gamma, beta)
    np.testing.assert_allclose(to_numpy(layer(x)), evaluated, rtol=0, atol=2e-5)


def test_float64_is_not_cast_to_float32():
    x, on_jax = np.random.default_rng(0).normal(size=(4, 5, 6, 3)), keras.backend.backend() == "jax"
    with importlib.import_module("jax").enable_x64(True) if on_jax else contextlib.nullcontext():
        layer = BatchNormalization(epsilon=1e-5, dtype="float64")
        outputs = to_numpy(layer(x, training=True))
    expected = normalized(x, x.mean((0, 1, 2)), x.var((0, 1, 2)), 1.0, 0.0)
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-12)


def test_gradients_equal_those_of_keras():
    x, wanted = inputs(4, 5, 6, 3), inputs(4, 5, 6, 3, seed=1)
    classes = (BatchNormalization, keras.layers.BatchNormalization)
    found = [gradients(each(epsilon=1e-5), x, wanted) for each in classes]
    for own, reference in zip(*found, strict=True):
        # Sums of 120 float32 numbers up to 4.
        np.testing.assert_allclose(own, reference, rtol=1e-4, atol=2e-4)


def gradients(layer, x, wanted):
    """Returns the changes of scale, offset and a shift of the inputs by an SGD step with learning rate 1."""
    model = keras.Sequential([keras.Input(x.shape[1:]), Shift(x.shape[1:]), layer])
    layer.gamma.assign(GAMMA)
    layer.beta.assign(BETA)
    before = [to_numpy(weight) for weight in model.trainable_weights]
    model.compile(keras.optimizers.SGD(1.0), lambda y, outputs: keras.ops.sum(y * outputs))
    model.fit(x, wanted, batch_size=len(x), verbose=0)
    return [a - to_numpy(b) for a, b in zip(before, model.trainable_weights, strict=True)]


class Shift(keras.layers.Layer):
    """Adds a variable to every image; its gradient is the sum of the images' gradients."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shift = self.add_weight(shape=shape, initializer="zeros")

    def call(self, inputs):
        return inputs + self.shift


def model(policy="float32"):
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Conv2D(4, 3, dtype=policy),
            BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy, name="bn"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(2),
        ]
    )
    made.compile(keras.optimizers.SGD(0.01), "mean_squared_error", auto_scale_loss=False)
    return made


@pytest.mark.usefixtures("xla")
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_it_trains_and_is_saved(policy, tmp_path):
    trained = model(policy)
    x, y = inputs(16, 6, 6, 3), np.tile([[0.0, 1.0]], (16, 1))
    history = trained.fit(x, y, batch_size=6, epochs=4, shuffle=False, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    trained.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert type(copy.get_layer("bn")) is BatchNormalization
    assert copy.get_layer("bn").get_config() == trained.get_layer("bn").get_config()
    np.testing.assert_array_equal(copy.predict(x, verbose=0), trained.predict(x, verbose=0))


def test_a_frozen_layer_normalizes_as_in_inference():
    layer = BatchNormalization(trainable=False)
    x = inputs(4, 3, 3, 2)
    np.testing.assert_allclose(to_numpy(layer(x, training=True)), to_numpy(layer(x)), rtol=1e-6)
    np.testing.assert_array_equal(to_numpy(layer.moving_mean), 0)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_normalized_in_single(half):
    # The spacing of bfloat16 around 1000 is 4.
    x = keras.ops.cast(1000 + 8 * inputs(8, 30, 30, 1), half)
    wide = to_numpy(keras.ops.cast(x, "float32"))
    layer = BatchNormalization(epsilon=1e-5, dtype=f"mixed_{half}", momentum=0.0)
    outputs = layer(x, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == half
    # Sums of 7200 numbers around 1000 do not fit into float16.
    reference = normalized(wide, wide.mean(dtype="float64"), wide.var(dtype="float64"), 1, 0)
    found = to_numpy(keras.ops.cast(outputs, "float32"))
    # A result up to 4 has 11 or 8 bits; a variance of 256 next to 1000² has half of float32's 24.
    np.testing.assert_allclose(found, reference, atol={"float16": 4e-3, "bfloat16": 2e-2}[half])
    variance = wide.var(dtype="float64", ddof=1)
    np.testing.assert_allclose(to_numpy(layer.moving_variance), variance, rtol=1e-2)


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"`axis` must be the last one.*axis=1"):
        BatchNormalization(axis=1).build((None, 3, 4, 4))
    with pytest.raises(ValueError, match=r"`renorm` False.*renorm=True"):
        BatchNormalization(renorm=True).build((None, 3))
