"""The whitening convolution against a torch implementation, and its outputs on patches."""

from functools import partial

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications import ResNet9, dawnbench
from keras_resnet_recipes.applications.whitening import whiten, whitening_kernel


def test_filters_of_torch(golden):
    g = golden("whitening")
    ours = whitening_kernel(g["images"].transpose(0, 2, 3, 1), epsilon=g.meta["epsilon"])
    assert ours.shape == (3, 3, 3, 27)
    assert ours.dtype == np.float32
    # Eigenvectors are well defined only for distinct eigenvalues, and up to their sign.
    values = g["values"]
    assert (values[:-1] / values[1:]).min() > 1.0002
    theirs = g["filters"].transpose(2, 3, 1, 0)
    theirs = theirs * np.sign(np.sum(theirs * ours, axis=(0, 1, 2)))
    # float32 rounding of numbers up to 10; errors of double precision are amplified by close eigenvalues,
    # 1e-16 / 2e-4.
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
    # 1e-6 compared with eigenvalues of at least 1e-3, and sums of 27 products in single precision.
    np.testing.assert_allclose(moments, np.eye(27), atol=3e-3)


@pytest.mark.parametrize(
    ("images", "epsilon", "message"),
    [
        (np.zeros((0, 8, 8, 3)), 1e-2, r"`images` must be .* of at least 3x3 pixels. .*=\(0, 8,"),
        (np.zeros((4, 2, 8, 3)), 1e-2, r"Received: shape=\(4, 2, 8, 3\)"),
        (np.zeros((4, 8, 8)), 1e-2, r"Received: shape=\(4, 8, 8\)"),
        (np.zeros((4, 8, 8, 3)), 0.0, r"`epsilon` must be positive. Received: epsilon=0.0"),
    ],
)
def test_illegal_arguments(images, epsilon, message):
    with pytest.raises(ValueError, match=message):
        whitening_kernel(images, epsilon=epsilon)


MEAN, STD = np.array([125.31, 122.95, 113.87]), np.array([62.99, 62.09, 66.7])


def whitening_network(**options):
    features = partial(dawnbench.backbone_features, channels=(8, 8, 8, 8), whitening=True)
    return dawnbench.dawnbench_network("Whitened", summary="", features=features)(**options)


@pytest.mark.every_backend
def test_a_network_whitens_its_own_images():
    noise = np.random.default_rng(0).normal(size=(40, 17, 17, 3)).cumsum(1).cumsum(2)
    images = np.clip(128 + 8 * noise, 0, 255).astype("uint8")
    expected = whitening_kernel((images - MEAN) / STD)
    model = whitening_network()
    others = [weight.numpy() for weight in model.trainable_weights]
    whiten(model, images)
    kernel = keras.ops.convert_to_numpy(model.get_layer("prep_whiten").kernel)
    # float32 pixels: eigenvectors of near eigenvalues turn a little.
    np.testing.assert_allclose(kernel, expected, rtol=0, atol=1e-3)
    for weight, before in zip(model.trainable_weights, others, strict=True):
        np.testing.assert_array_equal(weight.numpy(), before)
    normalized = whitening_network(include_preprocessing=False)
    whiten(normalized, (images - MEAN) / STD)
    same = keras.ops.convert_to_numpy(normalized.get_layer("prep_whiten").kernel)
    np.testing.assert_array_equal(same, expected)


@pytest.mark.every_backend
def test_filters_are_initially_a_rotation():
    kernel = keras.ops.convert_to_numpy(whitening_network().get_layer("prep_whiten").kernel)
    flat = kernel.reshape(27, 27)
    np.testing.assert_allclose(flat.T @ flat, np.eye(27), atol=1e-5)  # float32


def test_illegal_networks():
    with pytest.raises(ValueError, match=r"must have a layer 'prep_whiten'.*model 'resnet9'"):
        whiten(ResNet9(), np.zeros((2, 8, 8, 3), "uint8"))
    with pytest.raises(
        ValueError,
        match=r"`images` must be \[n, height, width, 3\]. Received: shape=\(2, 8, 8, 1\)",
    ):
        whiten(whitening_network(), np.zeros((2, 8, 8, 1), "uint8"))
