"""24 cells of the parity table that cover every pair of settings; `make parity-table` trains all 96."""

import itertools

import pytest

from tests.distribution.parity import CELLS, CLIP, REPLICAS, SETTINGS, check, compare


def chosen():
    """Returns a quarter of the combinations, with two settings determined by the other three."""
    for cell in CELLS:
        lamb, clipped = cell["optimizer"] == "lamb", cell["clip"] == CLIP
        accumulated, float16 = cell["accumulation"] == 2, cell["precision"] == "mixed_float16"
        if (lamb ^ clipped) == float16 and (lamb ^ accumulated) == (
            cell["batch_norm"] == "synchronized"
        ):
            yield cell


def test_every_pair_of_settings_occurs():
    settings = {**SETTINGS, "replicas": REPLICAS}
    cells = [{**cell, "replicas": replicas} for cell in chosen() for replicas in REPLICAS]
    assert len(cells) == 24
    for (one, values), (other, others) in itertools.combinations(settings.items(), 2):
        pairs = {(cell[one], cell[other]) for cell in cells}
        assert pairs == set(itertools.product(values, others)), (one, other)


@pytest.mark.full
@pytest.mark.parametrize("replicas", REPLICAS)
def test_replicas_equal_one_device(replicas):
    cells = list(chosen())
    for cell, (result, one) in zip(cells, compare(cells, replicas), strict=True):
        check(cell, replicas, result, one)
