"""TFRecord files of anyone's making."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr


def example(number, image_key="image", label_key="label"):
    image = tf.io.encode_png(tf.fill((4, 5, 3), tf.constant(number, tf.uint8))).numpy()
    feature = {
        image_key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        label_key: tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 3])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(path, numbers, **keys):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in numbers:
            writer.write(example(number, **keys))
    return path


def test_records_are_read_in_any_order(tmp_path):
    write(tmp_path / "x.tfrecord-00000-of-00002", range(4))
    write(tmp_path / "x.tfrecord-00001-of-00002", range(4, 7))
    data = krr.data.from_tfrecords(tmp_path, class_names=["a", "b", "c"])
    assert (data.size, data.classes, data.indexed, data.encoded) == (7, 3, True, True)
    order = data.items(tf.constant([0, 5]))
    pairs = [(int(krr.data.decode(i)[0, 0, 0]), int(n)) for i, n in order.map(data.read)]
    assert pairs != sorted(pairs)
    assert sorted(pairs) == [(number, number % 3) for number in range(7)]
    assert data.describe(5) == f"image 1 of {tmp_path / 'x.tfrecord-00001-of-00002'}"


def test_features_may_have_other_names(tmp_path):
    keys = {"image_key": "image/encoded", "label_key": "image/class/label"}
    file = write(tmp_path / "imagenet", range(2), **keys)
    data = krr.data.from_tfrecords([file], **keys)
    assert int(data.read(tf.constant(1, tf.int64))[1]) == 1


def test_a_changed_byte_is_found_by_the_checksum(tmp_path):
    file = write(tmp_path / "a.tfrecord", range(3))
    contents = bytearray(file.read_bytes())
    contents[40] ^= 1
    file.write_bytes(contents)
    data = krr.data.from_tfrecords(file)
    with pytest.raises(tf.errors.DataLossError):
        data.read(tf.constant(0, tf.int64))
    assert int(data.read(tf.constant(2, tf.int64))[1]) == 2


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match="at least one image"):
        krr.data.from_tfrecords(tmp_path)
    with pytest.raises(ValueError, match=r"cannot read the TFRecord file '.*none': No such file"):
        krr.data.from_tfrecords(tmp_path / "none")
    (tmp_path / "text").write_text("no TFRecord at all")
    with pytest.raises(ValueError, match="text' is no TFRecord file, compressed, or damaged"):
        krr.data.from_tfrecords([tmp_path / "text"])
    file = write(tmp_path / "a.tfrecord", range(3))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="it ends within record 2"):
        krr.data.from_tfrecords(file)


def test_labels_are_found_for_a_recipe(tmp_path, capsys):
    from keras_resnet_recipes.training import parts

    data = krr.data.from_tfrecords(write(tmp_path / "a.tfrecord", range(5)))
    assert data.labels is None
    assert parts.resolved_classes(krr.A1(), data) == 3
    assert np.all([int(label) < 3 for _, label in data.items(None).map(data.read)])
