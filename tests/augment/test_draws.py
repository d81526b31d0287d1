"""Augmentation parameters: equal on every backend to NumPy, and on NumPy to the sources."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
from keras.src.utils.backend_utils import DynamicBackend
from scipy import special

from keras_resnet_recipes import augment
from keras_resnet_recipes.augment import lighting, rand_augment, trivial_augment, variates
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.backend import TENSORFLOW
from keras_resnet_recipes.layers.crop import crop_boxes, placed_squares
from tests.augment.chance import chi_square, chi_square_limit, ks_distance, ks_limit, share_limit

OPS = TENSORFLOW if keras.backend.backend() == "tensorflow" else DynamicBackend()
N = 20_000
DRAWS = {
    "color_jitter": augment.ColorJitter(0.4, 0.0, 0.2, 0.1),
    "crop": augment.RandomResizedCrop(224),
    "cutout": augment.Cutout(),
    "erasing": augment.RandomErasing(0.3),
    "flip": augment.RandomFlip(0.3),
    "lighting": augment.Lighting(),
    "pad_and_crop": augment.PadAndCrop(),
    "rand_augment": augment.RandAugment(),
    "scale_jitter_crop": augment.ScaleJitterCrop(224, interpolation="random"),
    "trivial_augment": augment.TrivialAugmentWide(),
}


def uniform(name, seed=0, count=N):
    """Returns variates rounded to float32, so that both precisions decide thresholds equally."""
    shape = count, DRAWS[name].uniforms
    return np.random.default_rng(seed).random(shape, "float32").astype("float64")


def drawn(name, seed=0, **changed):
    value = dataclasses.replace(DRAWS[name], **changed)
    return value.drawn(NUMPY, uniform(name, seed))


@pytest.mark.every_backend
@pytest.mark.parametrize("name", DRAWS)
def test_every_backend_draws_like_numpy(name):
    variates = uniform(name, count=500)
    expected = DRAWS[name].drawn(NUMPY, variates)
    rows = DRAWS[name].drawn(OPS, OPS.convert_to_tensor(variates, "float32"))
    assert set(rows) == set(expected)
    for key, values in rows.items():
        values = keras.ops.convert_to_numpy(values)
        assert values.dtype == (
            "float32" if expected[key].dtype == "float64" else expected[key].dtype
        )
        np.testing.assert_allclose(values, expected[key], rtol=2e-6, atol=2e-5, err_msg=key)


@pytest.mark.every_backend
def test_boxes_of_every_backend_equal_those_of_numpy():
    variates = uniform("crop", count=500)
    single = OPS.convert_to_tensor(variates, "float32")
    value = DRAWS["crop"]
    rows = value.drawn(NUMPY, variates), value.drawn(OPS, single)
    for size in ((375, 500), (333, 250), (1000, 100)):
        expected = crop_boxes(NUMPY, size, rows[0], value.aspect)
        ours = keras.ops.convert_to_numpy(crop_boxes(OPS, size, rows[1], value.aspect))
        # A length or a corner next to a rounding limit may be rounded the other way in single precision.
        assert (ours != expected).any(1).mean() < 0.005
        assert abs(ours - expected).max() <= 1
    variates = uniform("scale_jitter_crop", count=500)
    rows = [
        DRAWS["scale_jitter_crop"].drawn(ops, x)
        for ops, x in ((NUMPY, variates), (OPS, OPS.convert_to_tensor(variates, "float32")))
    ]
    expected = placed_squares(NUMPY, (375, 500), rows[0], 224)
    ours = placed_squares(OPS, (375, 500), rows[1], 224)
    for mine, theirs in zip(ours, expected, strict=True):
        mine = keras.ops.convert_to_numpy(mine)
        assert (mine != theirs).any(1).mean() < 0.005
        assert abs(mine - theirs).max() <= 1


@pytest.mark.parametrize(("sign", "key"), [(1.0, "keep"), (-1.0, "negate")])
def test_arguments_equal_timms(golden, sign, key):
    g = golden("randaug")
    names = [name for name in g.meta["names"] if f"arg/{name}/{key}" in g]
    assert len(names) == 12
    for name in names:
        operation = np.full(41, g.meta["names"].index(name))
        ours = rand_augment.level_argument(NUMPY, operation, g["arg/levels"], np.full(41, sign))
        np.testing.assert_array_equal(ours, g[f"arg/{name}/{key}"], err_msg=name)


def test_boxes_equal_timms(golden):
    # Each row of the golden file is one try; here all ten tries are equal, so that it or none is taken.
    rows = golden("rrc")["rule_iw_ih_area_logratio_w_h_ok"]
    width, height, area, logarithm, wide, high, fits = rows.T
    tries = {
        "area": np.repeat(area[:, None], 10, 1),
        "aspect": np.repeat(np.exp(logarithm)[:, None], 10, 1),
        "position": np.zeros((len(rows), 2)),
    }
    box = crop_boxes(NUMPY, np.stack([height, width], 1), tries, (3 / 4, 4 / 3))
    fits = fits.astype(bool)
    assert fits.any()
    assert not fits.all()
    np.testing.assert_array_equal(box[fits, 2:], np.stack([high, wide], 1)[fits])


def test_the_fallback_box_equals_timms(golden):
    rows = golden("rrc")["fallback_iw_ih_top_left_h_w"].astype(int)
    tries = {
        "area": np.full((len(rows), 10), 1e9),
        "aspect": np.ones((len(rows), 10)),
        "position": np.zeros((len(rows), 2)),
    }
    box = crop_boxes(NUMPY, rows[:, 1::-1], tries, (3 / 4, 4 / 3))
    np.testing.assert_array_equal(box, rows[:, 2:])


def test_normal_variates():
    sample = variates.normal(NUMPY, *np.random.default_rng(0).random((2, N)))
    assert ks_distance(sample, special.ndtr) < ks_limit(N)
    ends = variates.normal(NUMPY, np.array([0.0, 1 - 2**-24]), np.zeros(2))
    assert np.isfinite(ends).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rand_augment(seed):
    rows = drawn("rand_augment", seed, probability=0.2)
    applied = rows["operation"] < 15
    assert abs(applied.mean() - 0.2) < share_limit(0.2, 2 * N)
    assert abs(applied.all(1).mean() - 0.04) < share_limit(0.04, N)
    counts = np.bincount(rows["operation"][applied], minlength=15)
    assert chi_square(counts, np.full(15, applied.sum() / 15)) < chi_square_limit(14)
    assert abs(rows["cubic"].mean() - 0.5) < share_limit(0.5, 2 * N)
    degrees = drawn("rand_augment", seed, probability=1.0)
    degrees = degrees["argument"][degrees["operation"] == 3]
    normal = ks_distance(abs(degrees) / 3, lambda x: special.ndtr((x - 7) / 0.5))
    assert normal < ks_limit(len(degrees))
    assert abs((degrees > 0).mean() - 0.5) < share_limit(0.5, len(degrees))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_color_jitter(seed):
    strengths = {"brightness": 0.4, "contrast": 1.5, "saturation": 0.2, "hue": 0.1}
    rows = drawn("color_jitter", seed, **strengths)
    ranges = [(0.6, 1.4), (0.0, 2.5), (0.8, 1.2), (-0.1, 0.1)]
    for values, (low, high) in zip(rows["argument"].T, ranges, strict=True):
        uniform = ks_distance(values, lambda x, low=low, high=high: (x - low) / (high - low))
        assert uniform < ks_limit(N)
    orders = list(itertools.permutations(range(4)))
    counts = np.zeros(24)
    for order in rows["order"].tolist():
        counts[orders.index(tuple(order))] += 1
    assert chi_square(counts, np.full(24, N / 24)) < chi_square_limit(23)
    assert set(drawn("color_jitter", brightness=0.0)["order"].ravel()) == {2, 3}
    none = dict.fromkeys(strengths, 0.0)
    assert drawn("color_jitter", **none)["order"].shape == (N, 0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_trivial_augment(seed):
    rows = drawn("trivial_augment", seed)
    counts = np.bincount(rows["operation"], minlength=14)
    assert chi_square(counts, np.full(14, N / 14)) < chi_square_limit(13)
    degrees = rows["argument"][rows["operation"] == trivial_augment.OPERATIONS.index("rotate")]
    counts = np.bincount(np.round(degrees / 4.5).astype(int) + 30, minlength=61)
    expected = np.full(61, len(degrees) / 62)
    expected[30] *= 2  # the argument 0 occurs with either sign
    assert chi_square(counts, expected) < chi_square_limit(60)


def test_the_other_augmentations():
    corners = drawn("pad_and_crop")["corner"]
    counts = np.bincount(corners[:, 0] * 9 + corners[:, 1], minlength=81)
    assert chi_square(counts, np.full(81, N / 81)) < chi_square_limit(80)
    edges = drawn("scale_jitter_crop")["edge"]
    counts = np.bincount(edges - 256, minlength=225)
    assert chi_square(counts, np.full(225, N / 225)) < chi_square_limit(224)
    for name, key in (("flip", "flip"), ("erasing", "erase")):
        assert abs(drawn(name)[key].mean() - 0.3) < share_limit(0.3, N)
    colors = drawn("lighting")["color"]
    vectors = np.array(lighting.EIGENVECTORS)
    covariance = vectors * (0.1 * 255 * np.array(lighting.EIGENVALUES)) ** 2 @ vectors.T
    np.testing.assert_allclose(np.cov(colors.T), covariance, rtol=0.1)


def test_erasing_finds_boxes_on_numpy_too():
    rows = drawn("erasing")
    images = np.zeros((N, 32, 48, 1), bool)
    tries = [rows[key] for key in ("area", "aspect", "position")]
    box = boxes.first_that_fits(NUMPY, images, *tries)
    assert box.dtype == "int32"
    assert (box[:, 2:] - box[:, :2] < (32, 48)).all()
