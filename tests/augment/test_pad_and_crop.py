"""Padding and cropping against NumPy's reflection, and the positions of the crops."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import PadAndCrop
from tests.augment.chance import chi_square, chi_square_limit

IMAGE = np.random.default_rng(0).integers(0, 256, (10, 7, 3), np.uint8)


@pytest.mark.parametrize("fill", [None, 0, (3, 4, 5)])
def test_every_corner_is_a_crop_of_the_padded_image(fill):
    size = (3, 3), (3, 3), (0, 0)
    if fill is None:
        padded = np.pad(IMAGE, size, mode="reflect")
    else:
        padded = np.pad(IMAGE, size) + np.pad(np.zeros_like(IMAGE), size, constant_values=1) * (
            np.array(fill, np.uint8)
        )
    augment = PadAndCrop(padding=3, fill=fill)
    for top in range(7):
        for left in range(7):
            image = augment.apply(IMAGE, {"corner": np.array([top, left])})
            assert image.dtype == np.uint8
            np.testing.assert_array_equal(image, padded[top : top + 10, left : left + 7])


@pytest.mark.parametrize("padding", [4, 6])
def test_the_largest_padding_by_reflection(padding):
    padded = np.pad(IMAGE, ((padding, padding), (padding, padding), (0, 0)), mode="reflect")
    for top, left in [(0, 0), (0, 2 * padding), (2 * padding, 0), (2 * padding, 2 * padding)]:
        image = PadAndCrop(padding).apply(IMAGE, {"corner": np.array([top, left])})
        np.testing.assert_array_equal(image, padded[top : top + 10, left : left + 7])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_corners_are_equally_likely(seed):
    n = 20_000
    corners = PadAndCrop(padding=4).draw(np.random.default_rng(seed), n)["corner"]
    counts = np.zeros((9, 9))
    np.add.at(counts, tuple(corners.T), 1)
    assert chi_square(counts, np.full((9, 9), n / 81)) < chi_square_limit(80)


def test_too_much_padding_is_an_error():
    with pytest.raises(
        ValueError, match=r"`padding` must be less than the image's 7 pixels. Received: padding=7$"
    ):
        PadAndCrop(padding=7)(IMAGE, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding": 0}, "`padding` must be an integer at least 1.*=0$"),
        (
            {"fill": "reflect"},
            "`fill` must be a number or 3 numbers at least 0 and at most 255 or None.*='reflect'$",
        ),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PadAndCrop(**arguments)
