"""Repeated augmentation against timm's sampler."""

import math

import numpy as np
import pytest

from keras_resnet_recipes.augment import repeat_order


def test_ranks_of_timm(golden):
    g = golden("repeat_aug")
    for name, case in g.meta["cases"].items():
        n, repeats, world = case["n"], case["repeats"], case["world"]
        selected = math.floor(n // 256 * 256 / world)
        order = repeat_order(g[f"{name}/perm"], repeats, selected * world)
        for rank in range(world):
            np.testing.assert_array_equal(order[rank::world], g[f"{name}/rank{rank}"])
    assert len(g.meta["cases"]) == 5


def test_starts_over_when_all_repeats_are_used():
    assert repeat_order(np.array([4, 9]), 2, 7).tolist() == [4, 4, 9, 9, 4, 4, 9]


def test_one_repeat_is_the_permutation():
    permutation = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(repeat_order(permutation, 1, 50), permutation)


@pytest.mark.parametrize(
    ("permutation", "repeats", "length", "message"),
    [
        (np.array([], int), 3, 1, r"`permutation` must be a vector .* Received: shape=\(0,\)$"),
        (np.zeros((2, 2), int), 3, 1, r"`permutation` must be .* Received: shape=\(2, 2\)$"),
        (np.arange(3), 0, 1, "`repeats` must be at least 1. Received: repeats=0$"),
        (np.arange(3), 3, 0, "`length` must be at least 1. Received: length=0$"),
    ],
)
def test_illegal_arguments(permutation, repeats, length, message):
    with pytest.raises(ValueError, match=message):
        repeat_order(permutation, repeats, length)
