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


def test_tensorflow_datasets_by_name():
    import tensorflow_datasets as tfds

    with tfds.testing.mock_data(num_examples=7):
        data = krr.data.from_source("tfds:cifar10")
        assert (data.size, data.classes, len(data.class_names)) == (7, 10, 10)
        contents, label = data.read(next(iter(data.items(None))))
        assert krr.data.decode(contents).shape == (32, 32, 3)
        assert 0 <= int(label) < 10
        assert krr.data.from_source("imagenet2012", split="validation").classes == 1000


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfds:no_such_data", "has no data set 'no_such_data'"),
        (
            "no_such_data",
            "there is no folder 'no_such_data'. And TensorFlow Datasets has no data set",
        ),
        ("tfds:coco", r"must have the features `image` and `label`; it has \['image', "),
    ],
)
def test_names_that_are_no_data_set_are_named(name, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(name)
