"""Images with several labels: arrays, .npz files and CSV lists, and what is made of their labels."""

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import one_hot
from keras_resnet_recipes.data.identity import differences, identity

X = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), "uint8")
Y = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 1]])


@pytest.fixture
def listed(tmp_path):
    """Function from the lines of a CSV file to its path, next to six images."""
    for number, image in enumerate(X):
        Image.fromarray(image).save(tmp_path / f"{number}.png")

    def write(text):
        (tmp_path / "list.csv").write_text(text)
        return tmp_path / "list.csv"

    return write


def lines(y=Y, names=("ant", "bee", "cow")):
    rows = ([names[c] for c in np.flatnonzero(row)] for row in y)
    return "".join(
        ",".join([f"{i}.png", *(row + [""] * 3)[:3]]) + "\n" for i, row in enumerate(rows)
    )


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float32"])
def test_multi_hot_arrays(dtype):
    data = krr.data.from_arrays(X, Y.astype(dtype))
    assert data.multi_label
    np.testing.assert_array_equal(data.labels, Y)
    np.testing.assert_array_equal(data.read(3)[1], Y[3])
    assert data.summary() == "the arrays: 6 images with 1.5 labels each, 3 classes"


def test_npz(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:3], y_test=Y[:3])
    train = krr.data.from_source(tmp_path / "a.npz")
    test = krr.data.from_source(tmp_path / "a.npz", split="validation", like=train)
    np.testing.assert_array_equal(train.labels, Y)
    np.testing.assert_array_equal(test.labels, Y[:3])


@pytest.mark.parametrize("header", ["", "path,label,label,label\n", "Path,Label\n"])
def test_csv_with_names(listed, header, capsys):
    data = krr.data.from_source(listed(header + lines()))
    assert data.class_names == ("ant", "bee", "cow")
    np.testing.assert_array_equal(data.labels, Y)
    np.testing.assert_array_equal(data.read(5)[1], Y[5])
    assert "6 images with 1.5 labels each, 3 classes: ant, bee, cow" in capsys.readouterr().out


def test_csv_with_numbers_and_lines_of_any_length(listed):
    data = krr.data.from_source(listed("0.png,0,4\n1.png\n2.png,2\n3.png,,2,2\n"))
    assert data.class_names is None
    assert data.labels.tolist() == [[1, 0, 0, 0, 1], [0] * 5, [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]]
    shifted = krr.data.from_source(listed("0.png,1,4\n1.png,,\n"), label_offset=1)
    assert shifted.labels.tolist() == [[1, 0, 0, 1], [0] * 4]
    assert shifted.read(0)[1].tolist() == [1, 0, 0, 1]
    with pytest.raises(ValueError, match="label_offset=2 for a label 1"):
        krr.data.from_source(listed("0.png,1,4\n1.png,,\n"), label_offset=2)


def test_semicolons(listed):
    data = krr.data.from_source(listed("path;label;label\n0.png;ant;cow\n1.png;;\n"))
    assert data.labels.tolist() == [[1, 1], [0, 0]]


def test_a_csv_of_one_label_each_has_integer_labels(listed):
    data = krr.data.from_source(listed("0.png,ant,\n1.png,,bee\n"))
    assert not data.multi_label
    assert data.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "0.png,ant\n1.png,\n",
            r"or more, for several labels per image. Received: \['1.png', ''\]",
        ),
        ("0.png,ant\n1.png\n", r"Received: \['1.png'\] in line 2"),
        (
            "path,label,split\n0.png,ant,train\n",
            r"Received: \['path', 'label', 'split'\] in line 1",
        ),
        ("0.png,,\n1.png,,\n", "at least one label"),
        ("0.png,1,-2\n", "must be 0 or more. Received: -2 in line 1"),
    ],
)
def test_illegal_lists(listed, text, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_source(listed(text))


def test_validation_has_the_columns_of_training(listed):
    train = krr.data.from_source(listed(lines()))
    same = krr.data.from_source(listed("0.png,cow,ant\n1.png,,\n"), like=train)
    assert same.class_names == train.class_names
    assert same.labels.tolist() == [[1, 0, 1], [0, 0, 0]]
    assert same.read(0)[1].tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="has the class 'dog'"):
        krr.data.from_source(listed("0.png,dog,ant\n"), like=train)
    single = krr.data.from_source(listed("0.png,cow\n1.png,ant\n"), like=train)
    assert single.labels.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert single.read(0)[1].tolist() == [0, 0, 1]


def test_validation_of_another_kind_is_refused():
    several, one = krr.data.from_arrays(X, Y), krr.data.from_arrays(X, np.arange(6) % 3)
    with pytest.raises(
        ValueError, match="must be of one label per image, because images of the arr"
    ):
        krr.data.from_source(several, like=one)
    pairs = [(image, 0) for image in X]
    with pytest.raises(ValueError, match=r"must be arrays, an .npz or .csv file"):
        krr.data.from_source(pairs, like=several)


def test_one_hot_rows_are_labels_in_another_form():
    with pytest.raises(ValueError, match=r"For one-hot labels use labels.argmax\(-1\)"):
        krr.data.from_arrays(X, np.eye(6))
    with pytest.raises(ValueError, match="Several labels per image are read from arrays"):
        krr.data.from_source(list(zip(X, Y, strict=True)))
    with pytest.raises(ValueError, match="rows of 0 and 1") as error:
        krr.data.from_arrays(X, Y / 2)
    assert "argmax" not in str(error.value)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_targets(smoothing):
    expected = Y * (1 - smoothing) + smoothing / 3
    # One rounding of float32.
    np.testing.assert_allclose(one_hot(Y, 3, smoothing), expected, rtol=2e-7)
    wider = one_hot(Y, 5, smoothing)
    np.testing.assert_array_equal(wider[:, 3:], np.float32(smoothing / 5))


def test_identity_tells_what_changed():
    before = identity(krr.data.from_arrays(X, Y))
    assert [known["images"] for known in before.values()] == [3, 3, 3, 1]
    changed = Y.copy()
    changed[2, 1] = 1
    text = differences(before, identity(krr.data.from_arrays(X, changed)))
    assert text == "4 images instead of 3 in class '1'; 0 images instead of 1 in class 'no class'"


def test_shards_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must have one label per image.*Received: the arrays"):
        krr.data.write_prepared(krr.data.from_arrays(X, Y), tmp_path / "prepared")
