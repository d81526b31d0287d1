"""Any tf.data.Dataset, and TensorFlow Datasets."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr


def pairs(n=6, dtype="uint8", value=100):
    return tf.data.Dataset.from_tensor_slices((np.full((n, 4, 4, 3), value, dtype), np.arange(n)))


def labels_of(data):
    return [int(data.read(item)[1]) for item in data.items(None)]


def test_elements_are_read(capsys):
    data = krr.data.from_dataset(pairs())
    assert (data.size, data.indexed, data.encoded) == (6, False, False)
    assert labels_of(data) == list(range(6))
    assert "shuffled through a buffer" in capsys.readouterr().out


def test_batches_are_undone(capsys):
    data = krr.data.from_dataset(pairs().batch(4))
    assert labels_of(data) == list(range(6))
    assert "batches" in capsys.readouterr().out


def test_bytes_are_encoded_images():
    png = tf.io.encode_png(tf.zeros((4, 4, 3), tf.uint8))
    data = krr.data.from_dataset(tf.data.Dataset.from_tensors((png, 0)))
    assert data.encoded


def test_float_images_are_rounded():
    data = krr.data.from_dataset(pairs(dtype="float32", value=99.6))
    image, _ = data.read(next(iter(data.items(None))))
    assert image.dtype == tf.uint8
    assert int(image[0, 0, 0]) == 100


def test_shuffling_follows_the_seed():
    data = krr.data.from_dataset(pairs(50))
    orders = [
        [int(data.read(item)[1]) for item in data.items(tf.constant([seed, 0]))]
        for seed in (3, 3, 4)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(50))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (pairs(0), "at least one image"),
        (pairs(dtype="int32"), r"must yield \(image, label\)"),
        (pairs(dtype="float32", value=0.5), r"values 0..255; received 0.5..0.5"),
        (pairs().map(lambda image, label: (image, tf.one_hot(label, 6))), "integer label"),
        (pairs().map(lambda image, label: image), r"must yield \(image, label\)"),
        (pairs().map(lambda image, label: {"image": image}), r"must yield \(image, label\)"),
    ],
)
def test_mistakes_are_named(dataset, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_dataset(dataset)
