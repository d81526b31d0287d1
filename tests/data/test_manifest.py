"""Images listed in a CSV file."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr


@pytest.fixture
def listed(tmp_path):
    """Writes three pictures and a list of the given text beside them."""

    def write(text):
        (tmp_path / "deeper").mkdir(exist_ok=True)
        for place, name in enumerate(("1.png", "deeper/2.png", "3, or three.png")):
            pixels = tf.fill((4, 5, 3), tf.constant(place, tf.uint8))
            (tmp_path / name).write_bytes(tf.io.encode_png(pixels).numpy())
        (tmp_path / "list.csv").write_text(text, encoding="utf-8")
        return tmp_path / "list.csv"

    return write


def pixel_and_label(data, index):
    contents, label = data.read(tf.constant(index, tf.int64))
    return np.unique(krr.data.decode(contents)).item(), int(label)


@pytest.mark.parametrize("header", ["", "path,label\n", "\ufeffPath, Label\n\n"])
def test_names_become_sorted_labels(listed, header):
    text = header + '1.png,wolf\ndeeper/2.png,ant\n"3, or three.png",wolf\n'
    data = krr.data.from_csv(listed(text))
    assert data.class_names == ("ant", "wolf")
    assert (data.size, data.classes, data.labels.tolist()) == (3, 2, [1, 0, 1])
    assert [pixel_and_label(data, index) for index in range(3)] == [(0, 1), (1, 0), (2, 1)]
    assert data.describe(1).endswith("deeper/2.png")


def test_numbers_stay_what_they_are(listed, tmp_path):
    data = krr.data.from_csv(listed(f"{tmp_path}/1.png,7\ndeeper/2.png,0\n"))
    assert (data.class_names, data.classes, data.labels.tolist()) == (None, None, [7, 0])
    assert pixel_and_label(data, 0) == (0, 7)


def test_validation_labels_follow_the_training_names(listed):
    path = listed("1.png,wolf\n")
    data = krr.data.from_source(path, class_names=("ant", "bee", "wolf"))
    assert (data.classes, data.labels.tolist()) == (3, [2])
    with pytest.raises(ValueError, match=r"class 'wolf' \(image 1\), which training lacked"):
        krr.data.from_csv(path, class_names=("ant", "bee"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one image"),
        ("path,label\n", "at least one image"),
        ("1.png\n", r"two columns, path and label; line 1 is \['1.png'\]"),
        ("1.png,a\n\n1.png,a,b\n", "two columns, path and label; line 3"),
        ("1.png,\n", "two columns"),
        ("1.png,-1\n", "must be 0 or more; line 1 has -1"),
        ("none.png,a\n", r"none.png' first, which does not exist; paths are relative to '"),
    ],
)
def test_mistakes_are_named(listed, text, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_csv(listed(text))


def test_a_list_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"must be an existing CSV file; received 'none.csv'"):
        krr.data.from_source("none.csv")


def test_a_million_names_stay_below_a_gibibyte(listed):
    """1.28 million in 1 GiB are 838 bytes a name; measured with all of them: 0.3 GiB, from a folder and from a list."""
    count, name = 50_000, "n01440764/n01440764_0000000.JPEG"
    rest = (f"n01440764/n01440764_{i:07}.JPEG,n{i % 1000:08}\n" for i in range(1, count))
    path = listed("1.png,n00000000\n" + "".join(rest))
    tracemalloc.start()
    data = krr.data.from_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # TensorFlow's copy is out of tracemalloc's sight: 24 bytes a string, and its characters with malloc's share.
    copy = 24 + len(str(path.parent)) + 1 + len(name) + 32
    assert data.size == count
    assert peak / count + copy < 838
