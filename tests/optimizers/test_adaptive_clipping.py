"""Adaptive gradient clipping against timm's, in the layouts of Keras."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_resnet_recipes.optimizers import SGD
from keras_resnet_recipes.optimizers.adaptive_clipping import clip_adaptively
from tests.optimizers.golden_steps import NAMES

pytestmark = pytest.mark.every_backend

# Permutations of torch's kernels, with outputs first, to Keras' layout, with outputs last.
TO_KERAS = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
# Norms of up to 72 float32 squares, and one product.
TOLERANCE = 1e-6


def in_keras_layout(array):
    return np.transpose(array, TO_KERAS[array.ndim])


@pytest.mark.parametrize("factor", [0.01, 0.16])
@pytest.mark.parametrize("name", NAMES)
def test_it_equals_timm(golden, name, factor):
    g, expected = golden("lamb"), golden("optim_other")[f"agc{factor}/{name}"]
    variable = keras.Variable(in_keras_layout(g[f"p0/{name}"]).astype("float32"))
    gradient = in_keras_layout(g[f"grad/{name}"][0])
    clipped = ops.convert_to_numpy(
        clip_adaptively(ops.convert_to_tensor(gradient, "float32"), variable, factor)
    )
    np.testing.assert_allclose(clipped, in_keras_layout(expected), rtol=0, atol=TOLERANCE)
    assert not np.allclose(clipped, gradient)  # clipping has an effect


def clipped(gradient, variable, factor, dtype="float32"):
    tensors = [ops.convert_to_tensor(np.asarray(a), dtype) for a in (gradient, variable)]
    result = clip_adaptively(*tensors, factor)
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    return ops.convert_to_numpy(ops.cast(result, "float32"))


def test_a_small_gradient_is_unchanged():
    gradient = np.array([[0.3, 0.0], [0.4, 0.0]])
    np.testing.assert_array_equal(
        clipped(gradient, np.eye(2) * 8, 0.0626), gradient.astype("float32")
    )


def test_units_of_a_grouped_kernel_are_its_outputs():
    # 3 x 3, two inputs per group, four outputs: norms computed per output.
    rng = np.random.default_rng(0)
    gradient, kernel = rng.normal(size=(2, 3, 3, 2, 4))
    result = clipped(gradient, kernel, 0.2)
    for output in range(4):
        length = np.linalg.norm(result[..., output])
        assert length == pytest.approx(0.2 * np.linalg.norm(kernel[..., output]), rel=1e-5)


def test_a_unit_of_zeros_can_be_trained():
    result = clipped(np.ones(4), np.zeros(4), 0.5)
    np.testing.assert_allclose(result, np.full(4, 0.5 * 1e-3 / 2), rtol=1e-6)  # |ones| is 2


def test_a_scalar_is_one_unit_and_a_zero_gradient_stays_zero():
    assert clipped(3.0, 2.0, 0.1) == pytest.approx(0.2)
    np.testing.assert_array_equal(
        clipped(np.zeros((2, 2)), np.zeros((2, 2)), 0.1), np.zeros((2, 2))
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_norms_beyond_float16_are_right(dtype):
    # The sums of squares are 1e6 and 1e-8; the range of float16 is 6e-8 to 65504.
    assert clipped(np.full(100, 100.0), np.ones(100), 0.1, dtype) == pytest.approx(0.1, rel=4e-3)
    small = clipped(np.full(1, 1e-4), np.full(1, 1e-4), 0.01, dtype)
    assert small == pytest.approx(1e-5, rel=4e-3)  # bfloat16 has eight bits


@pytest.mark.parametrize("rate_in_velocity", [False, True])
def test_the_classifier_can_be_excluded_and_decay_is_added_after_clipping(rate_in_velocity):
    optimizer = SGD(
        1.0,
        momentum=0.0,
        weight_decay=0.5,
        adaptive_clip=0.1,
        exclude_from_adaptive_clip=["^fc"],
        learning_rate_in_velocity=rate_in_velocity,
    )
    variables = [keras.Variable([[2.0]], name=name) for name in ("conv", "fc")]
    optimizer.apply([ops.convert_to_tensor([[1.0]])] * 2, variables)
    conv, fc = (float(ops.convert_to_numpy(variable)[0, 0]) for variable in variables)
    assert conv == pytest.approx(2 - (0.2 + 0.5 * 2))
    assert fc == pytest.approx(2 - (1.0 + 0.5 * 2))
