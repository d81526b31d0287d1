"""Mirroring."""

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.augment import RandomFlip
from tests.augment.chance import share_limit

IMAGE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_mirrors_left_to_right():
    np.testing.assert_array_equal(RandomFlip(probability=1.0)(IMAGE, (0, 0)), IMAGE[:, ::-1])
    np.testing.assert_array_equal(RandomFlip(probability=0.0)(IMAGE, (0, 0)), IMAGE)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_probability(seed):
    flips = RandomFlip(probability=0.1).draw(20_000, (seed, 0))["flip"].numpy()
    assert abs(flips.mean() - 0.1) < share_limit(0.1, 20_000)


def test_tf_data_gives_what_eager_gives():
    flip = RandomFlip()
    dataset = tf.data.Dataset.range(16).map(lambda i: flip(IMAGE, tf.stack([0, i])))
    pictures = list(dataset.as_numpy_iterator())
    for i, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture, flip(tf.constant(IMAGE), (0, i)))
    assert len({picture.tobytes() for picture in pictures}) == 2


def test_illegal_probability():
    with pytest.raises(
        ValueError, match=r"`probability` must be a number at least 0 and at most 1.*=2$"
    ):
        RandomFlip(probability=2)
