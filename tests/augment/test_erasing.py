"""Cutout and random erasing: boxes against timm's, and fill values."""

import numpy as np
import pytest
from scipy import stats

from keras_resnet_recipes.augment import Cutout, RandomErasing
from tests.augment.chance import NORMAL, chi_square, chi_square_limit

IMAGE = np.random.default_rng(0).integers(1, 256, (32, 24, 3), np.uint8)


def boxes_of(augment, n, seed, height, width):
    """Returns [top, left, bottom, right] of the black box in each of n white images, zeros if none."""
    drawn = augment.draw(np.random.default_rng(seed), n)
    painted = np.full((n, height, width), 255, np.uint32)
    for i in range(n):
        augment.apply_packed(painted[i], {name: rows[i] for name, rows in drawn.items()})
    boxes = []
    for axis in (2, 1):
        hit = (painted == 0).any(axis)
        first = hit.argmax(1)
        boxes.append((first, first + hit.sum(1)))
        assert (painted == 0).sum((1, 2)).max() > 0
    (top, bottom), (left, right) = boxes
    assert ((painted == 0).sum((1, 2)) == (bottom - top) * (right - left)).all()
    return np.stack([top, left, bottom, right], 1)


def as_in(g):
    """Returns the erasing with the ranges of timm's in the golden file, which are torchvision's."""
    theirs = g.meta["arguments"]
    ranges = {one: (theirs[f"min_{one}"], theirs[f"max_{one}"]) for one in ("area", "aspect")}
    return RandomErasing(theirs["probability"], **ranges)


@pytest.mark.parametrize("name", ["usual", "crowded"])
def test_the_first_rectangle_that_fits_equals_timms(golden, name):
    g = golden("erasing")
    height, width = g.meta["size"]
    # The remaining tries, which timm did not need, may be any numbers.
    areas = np.nan_to_num(g[f"{name}/area"], nan=0.5)
    aspects = np.nan_to_num(g[f"{name}/aspect"], nan=1.0)
    erasing, white = as_in(g), np.full((height, width), 255, np.uint32)
    boxes = g[f"{name}/boxes"].astype(int)
    for area, aspect, (top, left, bottom, right) in zip(areas, aspects, boxes, strict=True):
        room = np.array([height - (bottom - top), width - (right - left)])
        position = (np.array([top, left]) + 0.5) / (room + 1)
        drawn = {
            "erase": True,
            "area": area,
            "aspect": aspect,
            "position": position,
            "noise": 0.5,
        }
        expected = white.copy()
        expected[top:bottom, left:right] = 0
        np.testing.assert_array_equal(erasing.apply_packed(white.copy(), drawn), expected)
    assert (boxes[:, 2] == 0).any() == (name == "crowded")


@pytest.mark.parametrize(("side", "rounded"), [(2.5, 2), (3.5, 4), (0.5, 0), (15.5, 0)])
def test_halves_are_rounded_to_even_as_timm_does(side, rounded):
    drawn = {
        "erase": True,
        "area": np.full(10, side * side / 256),
        "aspect": np.ones(10),
        "position": np.zeros(2),
        "noise": 0.5,
    }
    painted = RandomErasing().apply_packed(np.full((16, 16), 255, np.uint32), drawn)
    expected = np.full((16, 16), 255)
    expected[:rounded, :rounded] = 0
    np.testing.assert_array_equal(painted, expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_erased_boxes_are_distributed_as_timms(golden, seed):
    g = golden("erasing")
    n = 10_000
    height, width = g.meta["size"]
    boxes = boxes_of(as_in(g), n, seed, height, width)
    observed = {
        "heights": boxes[:, 2] - boxes[:, 0],
        "widths": boxes[:, 3] - boxes[:, 1],
        "tops": boxes[:, 0],
        "lefts": boxes[:, 1],
    }
    for name, values in observed.items():
        theirs = g[name]
        ours = np.bincount(values, minlength=len(theirs))
        rare = theirs < 500  # merged, so that no expected count is below about 50
        pooled = [np.append(c[~rare], c[rare].sum()) for c in (ours, theirs)]
        total = theirs.sum()
        # A two-sample test: n of ours against ten times as many of timm's.
        expected = n * (pooled[0] + pooled[1]) / (n + total)
        statistic = chi_square(pooled[0], expected) * (n + total) / total
        assert statistic < chi_square_limit(len(pooled[0]) - 1), name


def test_noise_is_normal_about_the_fill_and_differs_per_pixel():
    # So weak that all but one in a million of the levels are within 0..255.
    mean, std = np.array([127.5, 100.0, 140.25]), np.array([20.0, 10.0, 5.0])
    erasing = RandomErasing(probability=1.0, area=(0.3, 0.33), fill=tuple(mean), noise=tuple(std))
    image = np.zeros((96, 96, 3), np.uint8)
    painted = erasing(image, np.random.default_rng(0))
    pixels = painted[painted.any(-1)].astype(np.float64)
    n = len(pixels)
    assert n > 2_500
    # Rounding to bytes adds a variance of 1 / 12.
    deviation = np.sqrt(std**2 + 1 / 12)
    assert (abs(pixels.mean(0) - mean) < NORMAL * deviation / np.sqrt(n)).all()
    # The standard deviation of a sample's standard deviation is sigma / sqrt(2 n).
    assert (abs(pixels.std(0) - deviation) < NORMAL * deviation / np.sqrt(2 * n)).all()
    correlations = np.corrcoef(pixels.T)[np.triu_indices(3, 1)]
    assert n * np.sum(correlations**2) < stats.chi2.isf(0.001, 3)
    np.testing.assert_array_equal(painted, erasing(image, np.random.default_rng(0)))
    assert not np.array_equal(painted, erasing(image, np.random.default_rng(1)))


def test_images_of_one_batch_have_independent_noise():
    erasing = RandomErasing(probability=1.0, area=(0.3, 0.3), aspect=(1.0, 1.0), noise=60.0)
    drawn = erasing.draw(np.random.default_rng(0), 16)
    drawn["position"][:] = 0.0
    rows = [{name: values[i] for name, values in drawn.items()} for i in range(16)]
    assert len({erasing.apply(IMAGE, row).tobytes() for row in rows}) == 16


def test_noise_is_clipped():
    erasing = RandomErasing(probability=1.0, area=(0.9, 0.9), aspect=(1, 1), fill=128, noise=1e4)
    painted = erasing(np.full((64, 64, 3), 7, np.uint8), np.random.default_rng(0))
    levels = painted[(painted != 7).any(-1)]
    assert len(levels) == 61 * 61  # sqrt(0.9 * 64 * 64) = 60.7
    assert 0.45 < np.mean(levels == 0) < 0.55
    assert 0.45 < np.mean(levels == 255) < 0.55


def test_bytes_are_rounded_and_clipped():
    erasing = RandomErasing(probability=1.0, area=(0.3, 0.3), aspect=(1, 1), fill=(7.6, 300, -5))
    image = erasing(IMAGE, np.random.default_rng(0))
    painted = image[(image != IMAGE).any(-1)]
    assert painted.tolist() == [[8, 255, 0]] * len(painted)
    assert len(painted) == 15 * 15  # sqrt(0.3 * 32 * 24) = 15.2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cutout_lies_inside_and_all_positions_are_equally_likely(seed):
    n = 10_000
    boxes = boxes_of(Cutout(size=5), n, seed, 12, 9)
    assert (boxes[:, 2:] - boxes[:, :2] == 5).all()
    counts = np.zeros((8, 5))
    np.add.at(counts, (boxes[:, 0], boxes[:, 1]), 1)
    assert chi_square(counts, np.full((8, 5), n / 40)) < chi_square_limit(39)


def test_a_square_larger_than_the_image_is_an_error():
    with pytest.raises(
        ValueError, match=r"`size` must be at most that of the image, 32 x 24. Received: size=25$"
    ):
        Cutout(size=25)(IMAGE, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cutout(size=0), "`size` must be an integer at least 1.*=0$"),
        (
            lambda: Cutout(fill=(1, 2)),
            r"`fill` must be a number or 3 numbers at least 0 and at most 255.*=\(1, 2\)$",
        ),
        (
            lambda: RandomErasing(probability=2),
            "`probability` must be a number at least 0 and at most 1.*=2$",
        ),
        (
            lambda: RandomErasing(area=(0, 0.5)),
            r"`area` must be 2 numbers above 0 and at most 1.*=\(0, 0.5\)$",
        ),
        (
            lambda: RandomErasing(aspect=(2, 1)),
            r"`aspect` must be 2 numbers above 0, in ascending order.*=\(2, 1\)$",
        ),
        (
            lambda: RandomErasing(noise="pixel"),
            "`noise` must be a number or 3 numbers at least 0.*='pixel'$",
        ),
    ],
)
def test_illegal_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
