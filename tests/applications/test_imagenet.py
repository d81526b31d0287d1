"""`preprocess_input` and `decode_predictions`, as in keras.applications."""

import keras
import numpy as np
import pytest

from keras_resnet_recipes.applications import decode_predictions, preprocess_input
from keras_resnet_recipes.applications.imagenet import imagenet_classes

pytestmark = pytest.mark.every_backend


def test_preprocessing_is_left_to_the_network():
    x = np.zeros((1, 4, 4, 3), "uint8")
    assert preprocess_input(x) is x
    assert preprocess_input(x, data_format="channels_last") is x
    with pytest.raises(ValueError, match=r"`data_format` must be None or .*='channels_first'"):
        preprocess_input(x, data_format="channels_first")


def test_classes_are_those_of_ilsvrc_in_order():
    synsets, names = zip(*imagenet_classes(), strict=True)
    assert len(set(synsets)) == 1000
    assert list(synsets) == sorted(synsets)
    assert all(len(synset) == 9 and synset[0] == "n" for synset in synsets)
    assert all(names)
    assert len(set(names)) == 998
    # Labels that are often quoted: first and last, and those in the documentation of Keras, torchvision and timm
    known = {
        0: ("n01440764", "tench"),
        207: ("n02099601", "golden retriever"),
        281: ("n02123045", "tabby"),
        386: ("n02504458", "African elephant"),
        999: ("n15075141", "toilet tissue"),
    }
    assert {label: imagenet_classes()[label] for label in known} == known


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_the_best_classes_come_first(dtype):
    scores = np.zeros((2, 1000))
    scores[0, [386, 0, 999]] = 0.5, 0.25, 0.125
    scores[1, 1] = 1
    first, second = decode_predictions(keras.ops.cast(scores, dtype), top=3)
    assert first == [
        ("n02504458", "African elephant", 0.5),
        ("n01440764", "tench", 0.25),
        ("n15075141", "toilet tissue", 0.125),
    ]
    # Equal scores are in the order of their labels
    assert [name for _, name, _ in second] == ["goldfish", "tench", "great white shark"]


def test_logits_are_ranked_too():
    logits = np.array([[-3.0, -1.0, 8.0]])
    names = ["a", "b", "c"]
    assert decode_predictions(logits, 2, class_names=names) == [[(2, "c", 8.0), (1, "b", -1.0)]]


def test_all_classes_are_returned_if_there_are_few():
    assert len(decode_predictions([[0.5, 0.5]], class_names=["a", "b"])[0]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predictions": np.zeros((1, 10))}, r"\(batch, 1000\).*=\(1, 10\)\. Pass `class_names`"),
        ({"predictions": np.zeros(1000)}, r"\(batch, 1000\), one score per class.*=\(1000,\)"),
        (
            {"predictions": np.zeros((1, 3)), "class_names": ["a", "b"]},
            r"must be \(batch, 2\), one score per class. Received: shape=\(1, 3\)$",
        ),
        ({"predictions": np.zeros((1, 1000)), "top": 0}, "`top` must be an integer of at.*top=0"),
        (
            {"predictions": np.array([[0.0], [np.nan]]), "class_names": ["a"]},
            r"must not be NaN. Received: NaN in samples \[1\]",
        ),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        decode_predictions(**arguments)
