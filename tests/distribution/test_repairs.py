"""Each repair of MirroredStrategy, compared with Keras and with one device.

The tests named `test_keras_still_…` fail when Keras has fixed the fault.
"""

import functools

import numpy as np
import pytest

from tests.distribution.parity import deviation, train

# One process per number of replicas, which takes half a minute.
pytestmark = pytest.mark.full

# Limit 0.05: less than the gradient's norm, which is at least 0.1 in every update.
CLIP = {"clip": 0.05}
ADAPTIVE = {"optimizer": "adaptive"}
AVERAGED = {"average": 0.7, "batch_norm": "synchronized"}
AVERAGED_PARTS = {**AVERAGED, "batch_norm": "replica", "accumulation": 2}
FLOAT16 = {"precision": "mixed_float16"}
# Image 15 is on the last replica, not on the first.
OVERFLOW = {**FLOAT16, "overflow": 15}
EVERYTHING = {"optimizer": "lamb", "clip": 0.05, "accumulation": 2, "ema": True}

# One process per number of replicas. Keras' own accumulation crashes the process, so it is last.
CELLS = {
    1: [
        {},
        CLIP,
        ADAPTIVE,
        AVERAGED,
        {**EVERYTHING, "accumulation": 1},
        EVERYTHING,
        {**FLOAT16, **CLIP},
        {"precision": "mixed_float16", "overflow": 3, "accumulation": 2},
        {"batch_norm": "replica"},
        *({"batch_norm": "replica", "accumulation": steps} for steps in (2, 4)),
    ],
    2: [
        CLIP,
        ADAPTIVE,
        AVERAGED,
        AVERAGED_PARTS,
        {**CLIP, "stock": True},
        EVERYTHING,
        {**FLOAT16, **CLIP},
        OVERFLOW,
        {**OVERFLOW, "stock": True},
        {"precision": "mixed_float16", "overflow": 3, "accumulation": 2},
        {"batch_norm": "replica"},
        {"batch_norm": "replica", "stock": True},
        {"batch_norm": "synchronized"},
        {"accumulation": 2, "stock": True},
    ],
    4: [EVERYTHING, OVERFLOW, {"batch_norm": "replica"}],
}


@pytest.fixture(scope="module")
def results():
    """Function that returns the arrays of a cell by name, given a number of replicas and the cell."""
    trained = functools.cache(lambda replicas: train(CELLS[replicas], replicas))
    return lambda replicas, cell: trained(replicas)[CELLS[replicas].index(cell)]


def difference(one, other):
    assert "error" not in other, str(other["error"])
    return deviation(one, other)


def test_clipping_on_two_replicas_equals_one_device(results):
    one = results(1, CLIP)
    assert difference(results(1, {}), one) > 0.1  # clipping has an effect
    # float32 sums in another order: the tolerance of all float32 comparisons, 0.01 %.
    assert difference(one, results(2, CLIP)) < 1e-4


def test_adaptive_clipping_on_two_replicas_equals_one_device(results):
    one = results(1, ADAPTIVE)
    assert difference(results(1, {}), one) > 0.1  # clipping has an effect
    assert difference(one, results(2, ADAPTIVE)) < 1e-4


def test_the_ema_on_two_replicas_equals_one_device(results):
    one, two = results(1, AVERAGED), results(2, AVERAGED)
    assert (
        difference(results(1, {"batch_norm": "replica"}), one) > 0.1
    )  # it differs from the weights
    assert difference(one, two) < 1e-4
    for statistics in two["statistics"]:
        np.testing.assert_allclose(statistics, one["statistics"][0], rtol=1e-4, atol=1e-6)


def test_averaged_statistics_are_the_mean_over_replicas(results):
    ours = results(2, AVERAGED_PARTS)["statistics"]
    np.testing.assert_array_equal(ours[0], ours[1])
    assert np.isfinite(ours).all()


def test_keras_still_clips_before_the_sum(results):
    stock = difference(results(1, CLIP), results(2, {**CLIP, "stock": True}))
    assert stock > 0.1, "Keras has fixed it: remove the repair `clip_after_sum`"


@pytest.mark.parametrize("replicas", [2, 4])
def test_an_overflow_on_any_replica_skips_the_update(results, replicas):
    ours = results(replicas, OVERFLOW)
    assert np.isfinite(ours["after"]).all()
    assert ours["iterations"] == 3


def test_keras_still_checks_only_the_first_replica(results):
    after = results(2, {**OVERFLOW, "stock": True})["after"]
    assert np.isnan(after).all(), "Keras has fixed it: remove the repair `AgreeingLossScale`"


@pytest.mark.parametrize("replicas", [1, 2])
def test_an_overflow_in_a_micro_batch_skips_the_update(results, replicas):
    ours = results(replicas, {"precision": "mixed_float16", "overflow": 3, "accumulation": 2})
    assert np.isfinite(ours["after"]).all()
    assert ours["iterations"] == 3


@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_micro_batches_make_the_update_of_the_batch(results, replicas):
    """With LAMB, clipping and an EMA of the weights, all once per update."""
    one = results(1, {**EVERYTHING, "accumulation": 1})
    ours = results(replicas, EVERYTHING)
    assert ours["iterations"] == 4
    assert difference(one, ours) < 1e-4


def test_keras_still_cannot_accumulate_on_replicas(results):
    error = str(results(2, {"accumulation": 2, "stock": True}).get("error"))
    assert "merge_call" in error, "Keras has fixed it: remove the repair `GradientAccumulation`"


def test_float16_on_two_replicas_is_close_to_one_device(results):
    # Gradients of float16 layers are rounded to 11 bits, which gives the tolerance.
    assert difference(results(1, {**FLOAT16, **CLIP}), results(2, {**FLOAT16, **CLIP})) < 1e-2


@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_normalize_their_shards(results, replicas):
    """One device that processes the shards one after the other also normalizes each separately."""
    shards = results(1, {"batch_norm": "replica", "accumulation": replicas})
    assert difference(shards, results(replicas, {"batch_norm": "replica"})) < 1e-4


def test_synchronized_statistics_equal_one_device(results):
    one, two = results(1, {"batch_norm": "replica"}), results(2, {"batch_norm": "synchronized"})
    assert difference(one, two) < 1e-4
    for statistics in two["statistics"]:
        np.testing.assert_allclose(statistics, one["statistics"][0], rtol=1e-4, atol=1e-6)


def test_statistics_of_replicas_are_averaged(results):
    ours = results(2, {"batch_norm": "replica"})["statistics"]
    stock = results(2, {"batch_norm": "replica", "stock": True})["statistics"]
    np.testing.assert_array_equal(ours[0], ours[1])
    # The statistics do not affect training, so Keras' own average is the reference.
    np.testing.assert_allclose(ours[0], stock.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_keras_still_keeps_statistics_per_replica(results):
    stock = results(2, {"batch_norm": "replica", "stock": True})["statistics"]
    spread = np.abs(stock[0] - stock[1]).max()
    assert spread > 1e-3, "Keras has fixed it: remove the repair `AveragedStatistics`"
