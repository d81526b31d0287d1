"""ColorJitter against torchvision on Pillow, and its draws."""

import itertools
import zlib

import numpy as np
import pytest

from keras_resnet_recipes.augment import ColorJitter
from keras_resnet_recipes.augment.operations import hue
from tests.augment.chance import chi_square, chi_square_limit, ks_distance, ks_limit

N = 20_000
IMAGE = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)


@pytest.fixture(scope="module")
def g(golden):
    return golden("augmentations")


@pytest.mark.parametrize(
    "strengths", [(0.4, 0.4, 0.4, 0.0), (0.4, 0.4, 0.4, 0.1), (1.5, 0.0, 2.0, 0.5)]
)
def test_bytes_of_torchvision(g, strengths):
    name = "jitter/" + "/".join(map(str, strengths))
    jitter = ColorJitter(*strengths)
    used = [index for index, strength in enumerate(strengths) if strength]
    outputs = g[f"{name}/output"]
    assert len(outputs) >= 8
    for order, argument, output in zip(
        g[f"{name}/order"], g[f"{name}/argument"], outputs, strict=True
    ):
        order = np.array([index for index in order if index in used], np.int32)
        image = jitter.apply(g["picture/wide"], {"order": order, "argument": argument})
        np.testing.assert_array_equal(image, output)


def test_hue_of_a_cube_of_colors_equals_pillow(g):
    levels = np.linspace(0, 255, 48).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(48**2, 48, 3)
    ours = [zlib.crc32(hue(cube, shift).tobytes()) for shift in g["hue/shift"]]
    assert ours == g["hue/crc"].tolist()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_draws(seed):
    drawn = ColorJitter(0.4, 1.5, 0.2, 0.1).draw(np.random.default_rng(seed), N)
    argument = drawn["argument"]
    ranges = [(0.6, 1.4), (0.0, 2.5), (0.8, 1.2), (-0.1, 0.1)]
    for values, (low, high) in zip(argument.T, ranges, strict=True):
        uniform = ks_distance(values, lambda x, low=low, high=high: (x - low) / (high - low))
        assert uniform < ks_limit(N)
    correlations = np.corrcoef(argument.T)[np.triu_indices(4, 1)]
    assert N * np.sum(correlations**2) < chi_square_limit(6)
    orders = list(itertools.permutations(range(4)))
    counts = np.zeros(len(orders))
    for order in drawn["order"].tolist():
        counts[orders.index(tuple(order))] += 1
    assert chi_square(counts, np.full(24, N / 24)) < chi_square_limit(23)


def test_disabled_operations_are_not_applied():
    rng = np.random.default_rng(0)
    assert ColorJitter(0.4, 0.0, 0.4).draw(rng, 64)["order"].shape == (64, 2)
    assert set(np.unique(ColorJitter(hue=0.1).draw(rng, 64)["order"])) == {3}
    np.testing.assert_array_equal(ColorJitter()(IMAGE, rng), IMAGE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"brightness": -0.1},
            "`brightness` must be a number at least 0. Received: brightness=-0.1",
        ),
        (
            {"saturation": float("nan")},
            "`saturation` must be a number at least 0. Received: saturation=nan",
        ),
        ({"hue": 0.6}, "`hue` must be a number at least 0 and at most 0.5. Received: hue=0.6"),
    ],
)
def test_illegal_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ColorJitter(**arguments)
