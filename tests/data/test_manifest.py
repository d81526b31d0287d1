"""Images listed in a CSV file."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr


@pytest.fixture
def listed(tmp_path):
    """Writes three images, and a list with the given text next to them."""

    def write(text, encoding="utf-8"):
        (tmp_path / "deeper").mkdir(exist_ok=True)
        for index, name in enumerate(("1.png", "deeper/2.png", "3, or three.png")):
            Image.new("RGB", (5, 4), (index, index, index)).save(tmp_path / name)
        (tmp_path / "list.csv").write_text(text, encoding=encoding)
        return tmp_path / "list.csv"

    return write


def pixel_and_label(data, index):
    contents, label = data.read(index)
    return np.unique(krr.data.decode(contents)).item(), label


@pytest.mark.parametrize("header", ["", "path,label\n", "\ufeffPath, Label\n\n"])
def test_names_become_sorted_labels(listed, header):
    text = header + '1.png,wolf\ndeeper/2.png,ant\n"3, or three.png",wolf\n'
    data = krr.data.from_csv(listed(text))
    assert data.class_names == ("ant", "wolf")
    assert (data.size, data.classes, data.labels.tolist()) == (3, 2, [1, 0, 1])
    assert [pixel_and_label(data, index) for index in range(3)] == [(0, 1), (1, 0), (2, 1)]
    assert data.describe(1).endswith("deeper/2.png")


def test_numbers_are_labels(listed, tmp_path):
    data = krr.data.from_csv(listed(f"{tmp_path}/1.png,7\ndeeper/2.png,0\n"))
    assert (data.class_names, data.classes, data.labels.tolist()) == (None, None, [7, 0])
    assert pixel_and_label(data, 0) == (0, 7)


def test_validation_labels_follow_the_training_names(listed):
    path = listed("1.png,wolf\n")
    data = krr.data.from_source(path, class_names=("ant", "bee", "wolf"))
    assert (data.classes, data.labels.tolist()) == (3, [2])
    with pytest.raises(ValueError, match=r"class 'wolf' \(line 1\), which is not a training class"):
        krr.data.from_csv(path, class_names=("ant", "bee"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one image"),
        ("path,label\n", "at least one image"),
        ("1.png\n", r"two columns, path and label, .* Received: \['1.png'\] in line 1"),
        ("1.png,a\n\n1.png\n", "two columns, path and label, .* in line 3"),
        ("1.png,\n", "two columns"),
        ("1.png,-1\n", "must be 0 or more. Received: -1 in line 1"),
        (
            "1.png,7\n\n1.png,2147483648\n",
            "list.csv' must be at most 2147483647. Received: 2147483648 in line 3",
        ),
        (
            "1.png,7\n1.png," + "9" * 5000,
            "must be at most 2147483647. Received: 99999999999999999999 in line 2",
        ),
        ("path,label,more\n", "two columns, path and label, .* in line 1"),
        (
            "1.png,a\n" + "x" * 200_000 + ",b\n",
            "cannot read .*list.csv': field larger than field limit",
        ),
        ("none.png,a\n", r"none.png' first, which does not exist; paths are relative to '"),
    ],
)
def test_illegal_lists(listed, text, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_csv(listed(text))


def test_a_missing_list_is_an_error():
    with pytest.raises(
        ValueError, match=r"must be an existing CSV file. Received: path='none.csv'"
    ):
        krr.data.from_source("none.csv")


def test_a_million_names_stay_below_a_gibibyte(listed):
    """1 GiB for 1.28 million is 838 bytes per name; with all names 0.3 GiB were measured, for a folder and a list."""
    count = 50_000
    rest = (f"n01440764/n01440764_{i:07}.JPEG,n{i % 1000:08}\n" for i in range(1, count))
    path = listed("1.png,n00000000\n" + "".join(rest))
    tracemalloc.start()
    data = krr.data.from_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.size == count
    assert peak / count < 838


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "path{}label\n"])
def test_the_delimiter_is_detected(listed, delimiter, header):
    text = header.format(delimiter) + f"1.png{delimiter}wolf\n1.png{delimiter}ant\n"
    assert krr.data.from_csv(listed(text)).labels.tolist() == [1, 0]


def test_the_delimiter_can_be_given(listed):
    path = listed("1.png|wolf\n1.png|ant, queen\n")
    with pytest.raises(ValueError, match="two columns"):
        krr.data.from_csv(path)
    assert krr.data.from_csv(path, delimiter="|").class_names == ("ant, queen", "wolf")


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "gbk"])
def test_the_error_for_another_encoding_suggests_one(listed, encoding):
    word = "狼" if encoding == "gbk" else "chèvre"
    path = listed(f"1.png,ant\n1.png,{word}\n", encoding)
    guess = "utf-16" if encoding == "utf-16" else "cp1252"
    with pytest.raises(
        ValueError, match=rf"list.csv' is not in the encoding 'utf-8-sig' .*encoding='{guess}'"
    ):
        krr.data.from_csv(path)
    assert krr.data.from_csv(path, encoding=encoding).class_names == ("ant", word)
    with pytest.raises(ValueError, match="unknown encoding: utf-17"):
        krr.data.from_csv(path, encoding="utf-17")


def test_the_case_of_the_suffix_is_ignored(listed, tmp_path):
    listed("1.png,wolf\n").rename(tmp_path / "list.CSV")
    assert krr.data.from_source(tmp_path / "list.CSV").class_names == ("wolf",)


def test_numbers_are_names_if_the_training_names_are_numbers(listed):
    path = listed("1.png,30\n1.png,9\n")
    data = krr.data.from_csv(path, class_names=("10", "30", "9"))
    assert (data.class_names, data.labels.tolist()) == (("10", "30", "9"), [1, 2])
    with pytest.raises(ValueError, match=r"class '9' \(line 2\), which is not a training class"):
        krr.data.from_csv(path, class_names=("10", "30"))
    # If the training names are words, numbers are labels.
    assert krr.data.from_csv(path, class_names=("cat", "dog")).labels.tolist() == [30, 9]


def test_names_are_errors_if_training_had_numbers(listed):
    numbers = krr.data.from_arrays(np.zeros((2, 4, 4), "uint8"), np.arange(2))
    with pytest.raises(ValueError, match=r"class 'wolf', but the labels of training are numbers"):
        krr.data.from_source(listed("1.png,1\n1.png,wolf\n"), like=numbers)
    data = krr.data.from_source(listed("1.png,1\n1.png,0\n"), like=numbers)
    assert data.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    "text", ['1.png,"dog\ndeeper/2.png,cat\n', '1.png,"dog\ndeeper/2.png,cat"\n']
)
def test_an_unclosed_quote_loses_no_line(listed, text):
    with pytest.raises(ValueError, match=r"unexpected end of data|must have two columns"):
        krr.data.from_csv(listed(text))
