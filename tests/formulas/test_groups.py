"""Options dealt out to groups of images."""

import numpy as np
import pytest

from keras_resnet_recipes.formulas import TENSORFLOW, boxes
from keras_resnet_recipes.formulas.groups import group_options
from tests.augment.chance import chi_square, chi_square_limit


@pytest.mark.parametrize(
    ("count", "options", "limit", "used"),
    [(50_000, 81, 200, 81), (50_000, 625, 200, 200), (50_000, 625, None, 625), (10, 81, 200, 10)],
)
def test_groups_are_equally_large(count, options, limit, used):
    drawn = group_options(count, options, np.random.default_rng(0), limit)
    assert drawn.dtype == np.int32
    assert drawn.shape == (count,)
    sizes = np.unique(drawn, return_counts=True)[1]
    assert len(sizes) == used
    assert sizes.max() - sizes.min() <= 1
    assert 0 <= drawn.min() <= drawn.max() < options


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_image_gets_every_option_with_equal_chance(seed):
    generator, epochs = np.random.default_rng(seed), 4_000
    drawn = np.stack([group_options(7, 25, generator, 3) for _ in range(epochs)])
    for image in drawn.T:
        counts = np.bincount(image, minlength=25)
        assert chi_square(counts, np.full(25, epochs / 25)) < chi_square_limit(24)


def test_the_generator_decides():
    one, two, other = (group_options(50, 9, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_crops_of_groups():
    images = np.random.default_rng(0).integers(0, 256, (12, 9, 8, 3), np.uint8)
    drawn = group_options(12, 25, np.random.default_rng(0))
    corner = np.stack(np.divmod(drawn, 5), 1)
    ours = boxes.padded_crop(TENSORFLOW, images, corner, 2)
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    for image, (top, left), crop in zip(padded, corner, ours, strict=True):
        np.testing.assert_array_equal(crop, image[top : top + 9, left : left + 8])


@pytest.mark.parametrize(
    ("options", "limit", "message"),
    [(0, 1, "options must be at least 1, got 0"), (1, 0, "limit must be at least 1 or None")],
)
def test_mistakes_are_named(options, limit, message):
    with pytest.raises(ValueError, match=message):
        group_options(4, options, np.random.default_rng(0), limit)
