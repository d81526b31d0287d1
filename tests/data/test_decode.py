"""Image files decode to Pillow's pixels."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_resnet_recipes as krr


@pytest.fixture(scope="module")
def photograph(golden):
    return golden("rrc")["source"]


def encoded(image, form, **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP"])
def test_lossless_files_are_exact(photograph, form):
    np.testing.assert_array_equal(krr.data.decode(encoded(photograph, form)), photograph)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpegs_are_pillows(photograph, subsampling):
    contents = encoded(photograph, "JPEG", quality=90, subsampling=subsampling)
    expected = np.asarray(Image.open(io.BytesIO(contents)))
    np.testing.assert_array_equal(krr.data.decode(contents), expected)


def test_grey_and_palette_files_become_rgb(photograph):
    grey = photograph[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=-1)
    np.testing.assert_array_equal(krr.data.decode(encoded(grey, "PNG")), expected)
    palette = Image.fromarray(photograph).quantize(16)
    file = io.BytesIO()
    palette.save(file, "PNG")
    np.testing.assert_array_equal(
        krr.data.decode(file.getvalue()), np.asarray(palette.convert("RGB"))
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_crop_is_that_part_of_the_image(photograph, form):
    # Without chroma subsampling a decoder needs no pixel from outside the box.
    options = {"quality": 90, "subsampling": 0} if form == "JPEG" else {}
    contents = encoded(photograph, form, **options)
    crop = krr.data.decode_crop(tf.constant(contents), lambda *_: tf.constant([20, 33, 101, 57]))
    expected = np.asarray(Image.open(io.BytesIO(contents)).convert("RGB"))[20:121, 33:90]
    np.testing.assert_array_equal(crop, expected)


def test_damaged_contents_raise(photograph):
    with pytest.raises(tf.errors.InvalidArgumentError):
        krr.data.decode(encoded(photograph, "PNG")[:1000])
    with pytest.raises(tf.errors.InvalidArgumentError):
        krr.data.decode(b"no image at all")
