"""A folder with one subfolder a class."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr


def write(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(tf.fill((4, 5, 3), tf.cast(value, tf.uint8))).numpy())


def test_classes_are_the_sorted_subfolders(tmp_path):
    write(tmp_path / "b" / "1.png", 10)
    write(tmp_path / "a" / "deeper" / "2.PNG", 20)
    write(tmp_path / "a" / ".hidden.png")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    (tmp_path / ".git").mkdir()
    data = krr.data.from_folder(tmp_path)
    assert (data.size, data.classes, data.class_names) == (2, 2, ("a", "b"))
    assert data.labels.tolist() == [0, 1]
    contents, label = data.read(tf.constant(1, tf.int64))
    assert int(label) == 1
    assert np.unique(krr.data.decode(contents)) == [10]
    assert data.describe(1) == str(tmp_path / "b" / "1.png")


def test_validation_labels_follow_the_training_names(tmp_path):
    write(tmp_path / "b" / "1.png")
    data = krr.data.from_folder(tmp_path, class_names=("a", "b", "c"))
    assert data.labels.tolist() == [1]
    assert data.classes == 3


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"must be an existing folder; received '.*none'"):
        krr.data.from_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="it has no subfolder"):
        krr.data.from_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="a' holds no image"):
        krr.data.from_folder(tmp_path)
    write(tmp_path / "a" / "1.png")
    with pytest.raises(ValueError, match=r"has the class 'a', which training lacked; .* x, y"):
        krr.data.from_folder(tmp_path, class_names=("x", "y"))
