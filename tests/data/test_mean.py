"""The mean image of a data set, and a network that subtracts it."""

import dataclasses
import io

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr

IMAGES = np.random.default_rng(0).integers(0, 256, (600, 6, 5, 3), np.uint8)


def encoded(images):
    """Returns the images as PNG files."""
    pairs = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        pairs.append((file.getvalue(), 0))
    return krr.data.from_dataset(pairs)


@pytest.mark.parametrize(
    "make", [lambda x: krr.data.from_arrays(x, np.zeros(len(x), int)), encoded]
)
def test_mean_of_all_images(make):
    mean = krr.data.mean_image(make(IMAGES))
    assert mean.dtype == np.float32
    # Exact sums, rounded once to single precision.
    np.testing.assert_array_equal(mean, (IMAGES.astype(object).sum(0) / 600).astype(np.float32))


def test_images_of_several_sizes_are_cropped():
    crop = krr.augment.CenterCrop(4, crop_ratio=1.0)
    sizes = [IMAGES[0], IMAGES[1, :4], IMAGES[2, :, :4]]
    expected = np.mean([crop(image) for image in sizes], axis=0, dtype=np.float64)
    mean = krr.data.mean_image(encoded(sizes), crop)
    np.testing.assert_array_equal(mean, expected.astype(np.float32))
    with pytest.raises(ValueError, match=r"of one size, .* shapes \(6, 5, 3\) and \(4, 5, 3\)"):
        krr.data.mean_image(encoded(sizes))


def test_a_network_subtracts_it():
    mean = krr.data.mean_image(krr.data.from_arrays(IMAGES, np.zeros(600, int)))
    subtract = keras.layers.Normalization((1, 2, 3), mean, variance=np.ones_like(mean))
    network = krr.applications.ResNet20(include_preprocessing=False)
    images = keras.Input(mean.shape)
    model = keras.Model(images, network(subtract(images)))
    centered = IMAGES[:4].astype("float32") - mean
    np.testing.assert_array_equal(subtract(IMAGES[:4].astype("float32")), centered)
    expected = network.predict(centered, verbose=0)
    np.testing.assert_allclose(model.predict(IMAGES[:4], verbose=0), expected, atol=1e-6)


def test_an_empty_data_set_is_an_error():
    data = encoded(IMAGES[:2])
    nothing = dataclasses.replace(data, start=lambda: iter(()))
    with pytest.raises(ValueError, match="`data` must contain at least one image"):
        krr.data.mean_image(nothing)


def test_the_error_names_an_unreadable_image():
    data = krr.data.from_dataset([(b"no image", 0)])
    with pytest.raises(
        ValueError, match="cannot read image 0 of the stream: unknown image file format"
    ):
        krr.data.mean_image(data)
