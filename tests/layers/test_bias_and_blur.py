"""The layers Bias and BlurPool: values, gradients of half precision, and saved models."""

import keras
import numpy as np
import pytest
from scipy.signal import convolve2d

from keras_resnet_recipes.layers import Bias, BlurPool

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")


@pytest.mark.every_backend
def test_each_channel_is_blurred_with_zeros_outside():
    blurred = keras.ops.convert_to_numpy(BlurPool()(IMAGES))
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    for image, channel in np.ndindex(2, 3):
        expected = convolve2d(IMAGES[image, ..., channel], kernel, mode="same")
        np.testing.assert_allclose(blurred[image, ..., channel], expected, atol=1e-6)


@pytest.mark.every_backend
def test_half_precision_stays_half():
    blurred = BlurPool(dtype="mixed_float16")(IMAGES)
    assert keras.backend.standardize_dtype(blurred.dtype) == "float16"


@pytest.mark.every_backend
def test_a_bias_trains_after_a_fixed_convolution():
    layer = Bias(keras.initializers.Constant(2.0))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(IMAGES)), IMAGES + 2, rtol=1e-6)
    assert [variable.path.split("/")[-1] for variable in layer.trainable_variables] == ["bias"]


@pytest.mark.parametrize("layer", [BlurPool(), Bias("ones")], ids=["BlurPool", "Bias"])
def test_a_saved_model_is_the_same(layer, tmp_path):
    images = keras.Input((5, 6, 3))
    model = keras.Model(images, layer(images))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), loaded.predict(IMAGES, verbose=0)
    )
