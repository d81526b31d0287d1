"""PCA color noise against a torch implementation."""

import numpy as np
import pytest
from scipy import special, stats

from keras_resnet_recipes.augment import Lighting
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.lighting import EIGENVALUES, EIGENVECTORS, principal_color
from tests.augment.chance import ks_distance, ks_limit

N = 20_000
IMAGE = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)


def test_colors_of_torch(golden):
    g = golden("augmentations")
    ours = principal_color(NUMPY, g["lighting/weights"])
    # Three products and two sums in double precision, of numbers up to a hundred.
    np.testing.assert_allclose(ours, g["lighting/color"], rtol=0, atol=1e-13)


def test_integer_levels_are_added_and_clipped():
    color = np.array([-30.4, 2.5, 3.5])
    image = Lighting().apply(IMAGE, {"color": color})
    expected = np.clip(IMAGE.astype(int) + np.array([-30, 2, 4]), 0, 255)
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_weights_are_normal_and_independent(seed):
    color = Lighting(std=0.2).draw(np.random.default_rng(seed), N)["color"] / 255
    weights = np.linalg.solve(np.array(EIGENVECTORS) * EIGENVALUES, color.T) / 0.2
    for values in weights:
        assert ks_distance(values, special.ndtr) < ks_limit(N)
    correlations = np.corrcoef(weights)[np.triu_indices(3, 1)]
    assert N * np.sum(correlations**2) < stats.chi2.isf(0.001, 3)


def test_without_noise_nothing_changes():
    image = Lighting(std=0.0)(IMAGE, np.random.default_rng(0))
    np.testing.assert_array_equal(image, IMAGE)


def test_a_negative_standard_deviation_is_an_error():
    with pytest.raises(ValueError, match=r"`std` must be a number at least 0.*=-1$"):
        Lighting(std=-1)
