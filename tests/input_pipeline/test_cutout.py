"""Cutout, and the images for the whitening layer, with data_on_device=False."""

import numpy as np

import keras_resnet_recipes as krr
from keras_resnet_recipes.preview import preview
from keras_resnet_recipes.training.feeds import host

RECIPE = krr.DAWNBench(
    data_on_device=False,
    train_size=8,
    test_size=8,
    classes=2,
    batch_size=8,
    pad_and_crop=None,
    cutout_size=3,
    cutout_fill=(200.4, 99.6, 50.0),
)
X, Y = np.zeros((64, 8, 8, 3), "uint8"), np.arange(64) % 2


def test_every_image_has_its_square():
    images = preview(RECIPE, (X, Y), rows=8, columns=8, seed=0).reshape(-1, 8, 8, 3)
    painted = (images == [200, 100, 50]).all(-1)
    assert (images[~painted] == 0).all()
    corners = set()
    for square in painted:
        top, left = np.argwhere(square)[0]
        assert square.sum() == 9
        assert square[top : top + 3, left : left + 3].all()
        corners.add((int(top), int(left)))
    # 64 draws from 36 positions: each is missing with probability 0.17; fewer than 20 distinct ones never occur.
    assert len(corners) > 20


def test_whitening_gets_the_first_images_without_augmentation():
    images = np.random.default_rng(0).integers(0, 256, X.shape, "uint8")
    data = krr.data.from_source((images, Y))
    feed = host.Feed(RECIPE, data, None, steps=1)
    np.testing.assert_array_equal(feed.first_images(20), images[:20])
