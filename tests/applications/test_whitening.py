"""The whitening convolution against torch's statement of it, and what it does to patches."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications.whitening import whitening_kernel


def test_filters_of_torch(golden):
    g = golden("whitening")
    ours = whitening_kernel(g["images"].transpose(0, 2, 3, 1), epsilon=g.meta["epsilon"])
    assert ours.shape == (3, 3, 3, 27)
    assert ours.dtype == np.float32
    # Eigenvectors are only known where eigenvalues lie apart, and up to their sign.
    values = g["values"]
    assert (values[:-1] / values[1:]).min() > 1.0002
    theirs = g["filters"].transpose(2, 3, 1, 0)
    theirs = theirs * np.sign(np.sum(theirs * ours, axis=(0, 1, 2)))
    # float32 of numbers up to 10, from double precision whose errors the nearness of eigenvalues
    # makes larger, 1e-16 / 2e-4.
    np.testing.assert_allclose(ours, theirs, rtol=2e-7, atol=1e-6)


def test_the_largest_component_is_positive_and_the_strongest_filter_last(golden):
    kernel = whitening_kernel(golden("whitening")["images"].transpose(0, 2, 3, 1))
    flat = kernel.reshape(27, 27)
    assert (flat[abs(flat).argmax(0), range(27)] > 0).all()
    assert (np.diff(np.linalg.norm(flat, axis=0)) > 0).all()


@pytest.mark.parametrize("count", [1, 128, 150])
def test_outputs_of_the_convolution_are_uncorrelated(golden, count):
    images = golden("whitening")["images"][:count].transpose(0, 2, 3, 1).astype("float32")
    kernel = whitening_kernel(images, epsilon=1e-6)
    convolution = keras.layers.Conv2D(27, 3, use_bias=False, trainable=False)
    convolution.build(images.shape)
    convolution.set_weights([kernel])
    outputs = keras.ops.convert_to_numpy(convolution(images)).reshape(-1, 27).astype("float64")
    moments = outputs.T @ outputs / (len(outputs) - 1)
    # 1e-6 next to eigenvalues of 1e-3 and more, and sums of 27 products in single precision.
    np.testing.assert_allclose(moments, np.eye(27), atol=3e-3)


@pytest.mark.parametrize(
    ("images", "epsilon", "message"),
    [
        (np.zeros((0, 8, 8, 3)), 1e-2, r"images must be .* of at least 3x3 pixels, got \(0, 8,"),
        (np.zeros((4, 2, 8, 3)), 1e-2, r"got \(4, 2, 8, 3\)"),
        (np.zeros((4, 8, 8)), 1e-2, r"got \(4, 8, 8\)"),
        (np.zeros((4, 8, 8, 3)), 0.0, "epsilon must be greater than 0, got 0.0"),
    ],
)
def test_mistakes_are_named(images, epsilon, message):
    with pytest.raises(ValueError, match=message):
        whitening_kernel(images, epsilon=epsilon)
