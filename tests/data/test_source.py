"""Whatever a user calls a data set."""

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr

ARRAYS = (np.zeros((2, 4, 4, 3), "uint8"), np.arange(2))


def test_each_kind_is_recognised(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(tf.io.encode_png(tf.zeros((4, 4, 3), tf.uint8)).numpy())
    data = krr.data.from_source(ARRAYS)
    assert krr.data.from_source(data) is data
    assert krr.data.from_source(list(ARRAYS)).size == 2
    assert krr.data.from_source(tf.data.Dataset.from_tensor_slices(ARRAYS)).size == 2
    assert krr.data.from_source(tmp_path).class_names == ("a",)
    assert krr.data.from_source(str(tmp_path)).class_names == ("a",)


@pytest.mark.parametrize("source", [None, 3, {"x": 1}, np.zeros(3), (1, 2, 3)])
def test_anything_else_is_refused_with_all_that_works(source):
    with pytest.raises(
        ValueError, match=r"existing folder .* TFDS name .* arrays .* tf.data.Dataset"
    ):
        krr.data.from_source(source)


@pytest.mark.parametrize("name", ["./none", "/none/at/all", "~/none", "../none"])
def test_a_path_that_does_not_exist_is_no_tfds_name(name):
    with pytest.raises(ValueError, match="must be an existing folder; received"):
        krr.data.from_source(name)
