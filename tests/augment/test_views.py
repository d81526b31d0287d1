"""Ten squares and several sizes of an image."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import TenCrop, resize, resize_shorter_edge, resize_to_scales
from keras_resnet_recipes.testing import ten_crop

IMAGE = tf.constant(np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8))


@pytest.mark.parametrize(("edge", "size"), [(20, (20, 27)), (30, (30, 41)), (61, (61, 83))])
@pytest.mark.parametrize("cubic", [False, True])
def test_the_shorter_edge_has_the_length_asked_for(edge, size, cubic):
    resized = resize_shorter_edge(IMAGE, edge, cubic)
    np.testing.assert_array_equal(resized, resize(IMAGE, *size, cubic))
    turned = resize_shorter_edge(tf.transpose(IMAGE, [1, 0, 2]), edge, cubic)
    assert turned.shape == (*size[::-1], 3)


def test_sizes_of_the_paper():
    shapes = [tuple(scale.shape) for scale in resize_to_scales(IMAGE)]
    assert shapes == [(224, 306, 3), (256, 349, 3), (384, 524, 3), (480, 656, 3), (640, 874, 3)]


def test_ten_squares_of_the_resized_image():
    for interpolation in ("bilinear", "bicubic"):
        resized = resize_shorter_edge(IMAGE, 25, interpolation == "bicubic").numpy()
        np.testing.assert_array_equal(
            TenCrop(20, 25, interpolation)(IMAGE), np.asarray(ten_crop(resized[None], 20))
        )


def test_images_of_unknown_size_in_tf_data():
    signature = tf.TensorSpec([None, None, 3], tf.uint8)
    images = [IMAGE.numpy(), IMAGE.numpy()[:, :33]]
    dataset = tf.data.Dataset.from_generator(lambda: images, output_signature=signature)
    dataset = dataset.map(TenCrop(20, 25))
    assert dataset.element_spec.shape == (10, 20, 20, 3)
    for image, views in zip(images, dataset.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(views, TenCrop(20, 25)(image))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size must be an int of at least 1, got 0"),
        ({"shorter_edge": 223}, "shorter_edge must be an int of at least 224, got 223"),
        ({"interpolation": "random"}, "interpolation must be one of"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TenCrop(**arguments)
