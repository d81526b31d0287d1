"""Every recipe holds the published values, and the neutral ones elsewhere."""

import dataclasses
import json
from pathlib import Path

import pytest
from conftest import GOLDEN

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipes.settings import Settings
from tests.recipes.page import page

COLUMNS = {
    name: column
    for file in ("strikes_back.json", "recipes.json")
    for name, column in json.loads((GOLDEN / file).read_text())["columns"].items()
}


def test_every_recipe_has_a_column():
    assert set(COLUMNS) == set(krr.RECIPES)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_value_is_the_published_one(name):
    recipe, column = krr.RECIPES[name](), dict(COLUMNS[name])
    assert recipe.published_top1 == column.pop("published_top1")
    column.pop("updates", None)
    unpublished = column.pop("unpublished", [])
    assert sorted(recipe.unpublished) == sorted(unpublished)
    values = json.loads(recipe.to_json())
    assert {field: values[field] for field in column} == column
    for field in dataclasses.fields(Settings):
        if field.name in unpublished:
            assert values[field.name] is None
        elif field.name not in column:
            assert getattr(recipe, field.name) == field.default, field.name


@pytest.mark.parametrize(
    "name", [name for name, column in COLUMNS.items() if "unpublished" in column]
)
def test_fit_asks_for_what_was_not_published(name):
    recipe = krr.RECIPES[name]()
    assert "not published" in str(recipe)
    with pytest.raises(ValueError, match=f"`{recipe.unpublished[0]}`"):
        recipe.fit("nowhere")


def test_the_page_is_made_from_these_values():
    written = Path(__file__).parents[2] / "docs" / "recipes.md"
    assert written.read_text() == page(), "run python -m tests.recipes.page docs/recipes.md"


def test_what_nothing_reads_is_printed_last_without_a_value():
    *rows, last = str(krr.A3(crop_scale=None, crop_aspect=(0.5, 2.0), pad=4)).split(
        "not read, as the others are: "
    )
    idle = last.replace("\n", " ").split(", ")
    assert {"cutout_color", "celu_alpha", "random_erasing_fill"} <= set(idle)
    assert not {"cutout", "pad_color", "rand_augment_operations"} & set(idle)
    # Nothing reads it, but it was changed.
    assert "crop_aspect" not in idle
    printed = {line.partition(" ")[0] for line in rows[0].splitlines()[1:]}
    assert printed == {field.name for field in dataclasses.fields(Settings)} - set(idle)
