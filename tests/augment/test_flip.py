"""Horizontal flip."""

import numpy as np
import pytest

from keras_resnet_recipes.augment import RandomFlip
from tests.augment.chance import share_limit

IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_flips_left_to_right(width):
    image, rng = IMAGE[:, :width], np.random.default_rng(0)
    np.testing.assert_array_equal(RandomFlip(probability=1.0)(image, rng), image[:, ::-1])
    np.testing.assert_array_equal(RandomFlip(probability=0.0)(image, rng), image)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probability(seed):
    flips = RandomFlip(probability=0.1).draw(np.random.default_rng(seed), 20_000)["flip"]
    assert abs(flips.mean() - 0.1) < share_limit(0.1, 20_000)


def test_illegal_probability():
    with pytest.raises(
        ValueError, match=r"`probability` must be a number at least 0 and at most 1.*=2$"
    ):
        RandomFlip(probability=2)
