"""Schedules and docstrings of A1, A2 and A3."""

import json

import pytest

import keras_resnet_recipes as krr
from conftest import GOLDEN
from keras_resnet_recipes.training.learning_rate import schedule as schedule_of

COLUMNS = json.loads((GOLDEN / "strikes_back.json").read_text())["columns"]


@pytest.mark.parametrize("name", COLUMNS)
def test_the_number_of_updates_on_imagenet_is_the_published_one(name):
    recipe = krr.RECIPES[name]()
    assert 1281167 // recipe.batch_size * recipe.epochs == COLUMNS[name]["updates"]


@pytest.mark.parametrize("name", COLUMNS)
def test_the_schedule_is_the_original_one(name, golden):
    schedule = schedule_of(krr.RECIPES[name]())
    expected = golden("lr_schedule")[f"{name}/rsb_nocool"]
    # Both are sums of a few float64, whose last digits may differ.
    assert [schedule(epoch) for epoch in range(len(expected))] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", COLUMNS)
def test_the_docstring_lists_unconfirmed_fields(name):
    text = krr.RECIPES[name].__doc__
    for field in (
        "warmup_learning_rate",
        "minimum_learning_rate",
        "cooldown_epochs",
        "crop_interpolation",
    ):
        assert f"`{field}`" in text
