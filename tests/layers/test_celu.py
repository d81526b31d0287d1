"""CELU against its formula."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.layers import CELU
from tests.applications.training_step import training_step

pytestmark = pytest.mark.every_backend

POINTS = np.array([-1e4, -3.0, -0.3, -1e-3, 0.0, 1e-3, 2.0, 1e4], "float32")


def values_and_slopes(activation):
    # Multiplying by 1 keeps the value and exposes the slope.
    inputs = keras.Input((8,))
    points = keras.layers.EinsumDense("nc,c->nc", 8)(inputs)
    model = keras.Model(inputs, activation(points))
    model.trainable_variables[0].assign(POINTS)
    step = training_step(model, np.ones((1, 8), "float32"), keras.ops.sum)
    (slopes,) = step.gradients.values()
    return step.logits[0], slopes


@pytest.mark.parametrize("alpha", [0.075, 0.3, 1.0])
def test_values_and_slopes(alpha):
    values, slopes = values_and_slopes(CELU(alpha))
    x = POINTS.astype("float64")
    below = np.minimum(x, 0) / alpha
    # A few roundings of float32.
    np.testing.assert_allclose(values, np.where(x > 0, x, alpha * np.expm1(below)), rtol=1e-6)
    # Computed as expm1 + 1, so as precise as a float32 near 1.
    np.testing.assert_allclose(slopes, np.exp(below), rtol=1e-6, atol=1e-7)


def test_keras_celu_still_has_another_slope_at_0():
    """On TensorFlow; otherwise the layer could call it."""
    _, slopes = values_and_slopes(keras.layers.Activation("celu"))
    at_0 = 2 if keras.backend.backend() == "tensorflow" else 1
    np.testing.assert_array_equal(slopes[POINTS == 0], at_0)


def test_alpha_is_saved(tmp_path):
    model = keras.Sequential([keras.Input((8,)), CELU(0.3, name="celu")])
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.get_layer("celu").alpha == 0.3
    np.testing.assert_array_equal(*(m.predict(POINTS[None], verbose=0) for m in (model, copy)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_stays_finite(dtype):
    outputs = CELU(0.075, dtype=dtype)(POINTS)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    outputs = keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))
    assert np.isfinite(outputs).all()


def test_alpha_is_checked():
    with pytest.raises(ValueError, match=r"`alpha` must be positive.*alpha=0"):
        CELU(0)
