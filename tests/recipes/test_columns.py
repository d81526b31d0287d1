"""Columns of a published table of which only some numbers are known."""

import json

import pytest
from conftest import GOLDEN

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipes import TABLE2

COLUMNS = json.loads((GOLDEN / "columns.json").read_text())["columns"]


def test_every_column_has_the_published_values():
    assert set(COLUMNS) == set(krr.COLUMNS)
    for name, values in COLUMNS.items():
        column = krr.COLUMNS[name]
        assert column.name == name
        assert column.published_top1 == values.pop("published_top1")
        assert sorted(column.unverified) == sorted(values.pop("unverified"))
        assert json.loads(json.dumps(dict(column.values))) == values
    assert {*TABLE2} == {*COLUMNS, "He2015", "DeiT", "A1", "A2", "A3"}


def test_what_is_not_known_is_said():
    rows = krr.compare(krr.A1(), krr.COLUMNS["PyTorch"], krr.COLUMNS["FAMS"]).rows
    assert rows["published_top1"] == ("80.4", "76.1", "79.5?")
    assert rows["epochs"] == ("600", "90", "400?")
    assert rows["test_crop_ratio"] == ("0.95", "0.875", "—")
    # All that is known agrees.
    assert "network" not in rows
    assert "mixup_alpha" not in rows
    every = krr.compare(krr.A1(), krr.COLUMNS["FAMS"], every_row=True).rows
    assert every["network"] == ("ResNet50", "ResNet50?")
    assert every["mixup_alpha"] == ("0.2", "—")


def test_a_changed_recipe_has_no_published_accuracy():
    rows = krr.compare(krr.A1(epochs=100), krr.COLUMNS["FAMS"], krr.A2()).rows
    assert rows["published_top1"] == ("—", "79.5?", "79.8")
    assert "published_top1" not in krr.compare(krr.A1(), krr.A2()).rows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Mine", 70.0, (("epoch", 3),)), "`Mine` has no field `epoch`. Did you mean `epochs`"),
        (("Mine", 70.0, (("epochs", 0),)), "`epochs` must be a whole number at least 1"),
        (("Mine", 70.0, (), ("epochs",)), "`unverified` of Mine has 'epochs', which has no value"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        krr.Column(*arguments)
