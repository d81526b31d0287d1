"""Test-time views against NumPy."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes import applications
from keras_resnet_recipes.augment.views import five_corners
from keras_resnet_recipes.evaluation import averaged_views

pytestmark = pytest.mark.every_backend

RNG = np.random.default_rng(0)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def ten_crops(images, size):
    """Slices from either end; the center is rounded half to even, as NumPy does."""
    views = []
    for view in (images, images[:, :, ::-1]):
        top, left = (int(np.rint((length - size) / 2)) for length in view.shape[1:3])
        views += [
            view[:, :size, :size],
            view[:, :size, -size:],
            view[:, -size:, :size],
            view[:, -size:, -size:],
            view[:, top : top + size, left : left + size],
        ]
    return np.stack(views, 1).reshape(-1, size, size, images.shape[-1])


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return applications.ResNet20(classifier_activation=None)


@pytest.mark.parametrize("size", [(9, 12), (8, 8), (11, 8), (13, 14)])
def test_ten_crops(size):
    images = RNG.integers(0, 256, (3, *size, 3), "uint8")
    crops = averaged_views.ten_crop(images, 8)
    assert keras.backend.standardize_dtype(crops.dtype) == "uint8"
    np.testing.assert_array_equal(numpy(crops), ten_crops(images, 8))


def test_the_center_is_rounded_half_to_even():
    for room in range(12):
        assert five_corners(room + 5, 5, 5)[4] == (int(np.rint(room / 2)), 0)


def test_average_scores():
    scores = RNG.normal(size=(12, 5)).astype("float32")
    expected = np.stack([scores[i : i + 4].mean(0) for i in (0, 4, 8)])
    # A mean of four float32 numbers.
    np.testing.assert_allclose(numpy(averaged_views.average_scores(scores, 4)), expected, atol=1e-6)
    with pytest.raises(
        ValueError, match=r"`views` must divide the number of scores, 12. Received: views=5"
    ):
        averaged_views.average_scores(scores, 5)


def test_view_averaged_with_ten_crops(network):
    images = RNG.integers(0, 256, (2, 36, 40, 3), "uint8").astype("float32")
    crops = ten_crops(images, 32)
    expected = softmax(network.predict(crops, verbose=0)).reshape(2, 10, 10).mean(1)
    model = averaged_views.view_averaged(network, views=10, size=32)
    ours = model.predict(crops.reshape(2, 10, 32, 32, 3), verbose=0)
    # float32 sums on batches of a different size.
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    by_functions = averaged_views.average_scores(
        keras.ops.softmax(network(averaged_views.ten_crop(images, 32), training=False)), 10
    )
    np.testing.assert_allclose(numpy(by_functions), expected, atol=1e-5)


def test_mirror_averaged(network):
    images = RNG.integers(0, 256, (2, 32, 32, 3), "uint8").astype("float32")
    both = [network.predict(view, verbose=0) for view in (images, images[:, :, ::-1].copy())]
    assert abs(both[0] - both[1]).max() > 1e-3
    ours = averaged_views.mirror_averaged(network).predict(images, verbose=0)
    np.testing.assert_allclose(ours, (both[0] + both[1]) / 2, rtol=1e-5, atol=1e-5)


def test_a_network_is_fully_convolutional(network):
    """Its logits are the mean of the classifier's outputs over all positions."""
    images = RNG.integers(0, 256, (1, 48, 80, 3), "uint8").astype("float32")
    pool = network.get_layer("global_pool")
    features = keras.Model(network.inputs, pool.input)
    kernel, bias = (numpy(weight) for weight in network.get_layer("fc").weights)
    positions = features.predict(images, verbose=0).astype("float64")
    assert positions.shape[1:3] == (12, 20)
    expected = (positions @ kernel + bias).mean((1, 2))
    ours = network.predict(images, verbose=0)
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_multi_scale_scores(network, mirrored):
    scales = [
        RNG.integers(0, 256, (1, *size, 3), "uint8").astype("float32")
        for size in ((32, 40), (48, 60), (24, 30))
    ]
    views = scales + [scale[:, :, ::-1].copy() for scale in scales if mirrored]
    expected = np.mean([softmax(network.predict(view, verbose=0)) for view in views], axis=0)
    ours = averaged_views.multi_scale_scores(network, iter(scales), mirrored=mirrored)
    np.testing.assert_allclose(numpy(ours), expected, atol=1e-5)
    model = averaged_views.multi_scale_averaged(network, 3, mirrored=mirrored)
    np.testing.assert_allclose(model.predict(scales, verbose=0), expected, atol=1e-5)


def test_invalid_arguments_are_errors(network):
    with pytest.raises(
        ValueError, match=r"`size` must be at most that of the image, 8. Received: size=9"
    ):
        averaged_views.ten_crop(np.zeros((1, 10, 8, 3)), 9)
    with pytest.raises(ValueError, match="`scales` must contain at least one size"):
        averaged_views.multi_scale_scores(network, [])
    fixed = applications.ResNet20(input_shape=(32, 32, 3))
    with pytest.raises(
        ValueError, match=r"`model` must take images of any size. Received: a model for 32 x 32"
    ):
        averaged_views.multi_scale_scores(fixed, [np.zeros((1, 32, 32, 3))])
