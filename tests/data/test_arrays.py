"""Arrays in memory as a data set."""

import numpy as np
import pytest

import keras_resnet_recipes as krr


@pytest.mark.parametrize("shape", [(5, 6, 7, 3), (5, 6, 7, 1), (5, 6, 7)])
def test_images_come_back_as_rgb(shape):
    x = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    data = krr.data.from_arrays(x, np.arange(5))
    image, label = data.read(3)
    expected = np.broadcast_to(x[3].reshape(6, 7, -1), (6, 7, 3))
    np.testing.assert_array_equal(krr.data.opened(image).rgb(), expected)
    assert label == 3
    assert data.size == 5


def test_float_images_are_rounded():
    x = np.array([[[0.4, 0.6], [254.5, 255.0]]])
    image, _ = krr.data.from_arrays(x, np.array([0])).read(0)
    np.testing.assert_array_equal(image, [[0, 1], [254, 255]])


def test_labels_may_be_a_column():
    data = krr.data.from_arrays(np.zeros((2, 4, 4, 3), "uint8"), np.array([[1], [0]], "uint8"))
    assert data.labels.tolist() == [1, 0]


def last_pixel(value):
    """Forty legal images, except for the very last number."""
    x = np.zeros((40, 4, 4, 3))
    x[0], x[-1, -1, -1, -1] = 200, value
    return x


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4), "uint8"), [0, 1], r"`images` must be \[n, height, width, 3\]"),
        (np.zeros((2, 4, 4, 2), "uint8"), [0, 1], r"Received: shape=\(2, 4, 4, 2\)"),
        (np.zeros((0, 4, 4, 3), "uint8"), [], "at least one image"),
        (
            np.zeros((2, 4, 4, 3), "int32"),
            [0, 1],
            "must be uint8, or float .* Received: dtype=int32",
        ),
        (np.full((2, 4, 4, 3), 0.5), [0, 1], r"values 0..255. Received: 0.5..0.5"),
        (
            np.eye(4, dtype="uint8")[:2, None, :, None],
            [0, 1],
            r"values 0..255. Received: 0..1. Multi",
        ),
        (np.full((2, 4, 4, 3), 300.0), [0, 1], r"Received: 300..300"),
        (np.full((2, 4, 4, 3), np.nan), [0, 1], r"Received: nan..nan"),
        (last_pixel(np.nan), [0] * 40, r"Received: nan..nan"),
        (last_pixel(np.inf), [0] * 40, r"Received: 0..inf"),
        (last_pixel(300), [0] * 40, r"Received: 0..300"),
        (last_pixel(-5), [0] * 40, r"Received: -5..200"),
        (np.zeros((2, 4, 4, 3), "uint8"), [0.0, 1.0], "`labels` must be integers"),
        (np.zeros((2, 4, 4, 3), "uint8"), np.eye(2, dtype=int), r"of shape \(2, 2\)"),
        (
            np.zeros((2, 4, 4, 3), "uint8"),
            [0, 1, 2],
            r"as many as the images \(2\). Received: 3 labels",
        ),
        (np.zeros((2, 4, 4, 3), "uint8"), [0, -1], "0 or more. Received: -1"),
    ],
)
def test_illegal_arrays(images, labels, message):
    with pytest.raises(ValueError, match=message):
        krr.data.from_arrays(images, np.asarray(labels))


def test_labels_outside_the_classes_are_errors():
    data = krr.data.from_arrays(np.zeros((2, 4, 4, 3), "uint8"), np.array([0, 7]))
    with pytest.raises(ValueError, match=r"within 0..4 for 5 classes. Received: 7"):
        data.check_labels(5)
