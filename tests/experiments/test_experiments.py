"""The experiments themselves: what their rows are, and that a few of them run."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from keras_resnet_recipes.recipes.checks import PART_OF

import keras_resnet_recipes as krr
from keras_resnet_recipes.experiments import ablation


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (16, 16, 16, 3), "uint8"), np.arange(16) % 10


SMALL = {"train_size": 16, "test_size": 16, "batch_size": 8, "precision": "float32"}


def changes(one, other):
    """The fields in which two recipes differ, with the values of the second."""
    return {
        field.name: getattr(other, field.name)
        for field in dataclasses.fields(one)
        if getattr(one, field.name) != getattr(other, field.name)
    }


@pytest.mark.parametrize("name", krr.RECIPES)
def test_every_ingredient_of_every_recipe_can_be_left_out(name):
    recipe = krr.RECIPES[name]()
    rows = ablation.one_off(recipe)
    assert rows[0].recipe == recipe
    for row in rows[1:]:
        field = row.name.removeprefix("without ")
        assert field in changes(recipe, row.recipe)
        parts = {part for part, owner in PART_OF.items() if owner == field}
        assert set(changes(recipe, row.recipe)) <= {field, *parts}


def test_what_a2_has_is_left_out_one_at_a_time():
    assert [row.name.removeprefix("without ") for row in ablation.one_off(krr.A2())] == [
        "A2",
        "zero_gamma",
        "weight_decay",
        "gradient_clip",
        "warmup_epochs",
        "target_threshold",
        "drop_path_rate",
        "repeated_augmentation",
        "crop_scale",
        "horizontal_flip",
        "rand_augment",
        "mixup_alpha",
        "cutmix_alpha",
    ]


def test_every_ingredient_and_what_it_takes_along_is_a_field():
    fields = {field.name for field in dataclasses.fields(krr.Recipe)}
    assert {*ablation.INGREDIENTS, *PART_OF, *PART_OF.values()} - fields == set()


def test_ablate_trains_with_a_teacher(data, tmp_path):
    recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, **SMALL)
    teacher = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    results = krr.experiments.ablate(
        recipe, data, data, run_dir=tmp_path, rows=["A3"], teacher=teacher, verbose=0
    )
    facts = json.loads((tmp_path / "a3" / "seed-0" / "run.json").read_text())
    assert facts["teacher_parameters"] == 16 * 16 * 3 * 10 + 10
    assert len(results.logs["A3"]) == 1


def test_ablate_trains_the_rows_and_goes_on_where_it_was(data, tmp_path, capsys):
    recipe = krr.He2015CIFAR(network="ResNet20", epochs=1, step_epochs=(1,), **SMALL)
    options = {"run_dir": tmp_path, "verbose": 2}
    first = krr.experiments.ablate(recipe, data, data, rows=["without pad"], **options)
    assert capsys.readouterr().out.count("val_loss") == 1
    both = krr.experiments.ablate(
        recipe, data, data, rows=["He2015CIFAR", "without pad"], **options
    )
    assert capsys.readouterr().out.count("val_loss") == 1
    assert both.logs["without pad"] == first.logs["without pad"]
    assert both.table.columns[-1] == "against He2015CIFAR"
    assert list(both.table.rows) == ["He2015CIFAR", "without pad"]
    accuracy, deviation, runs, difference = both.table.rows["without pad"]
    whole = float(both.table.rows["He2015CIFAR"][0])
    # Each is rounded to 0.01.
    assert float(difference) == pytest.approx(float(accuracy) - whole, abs=0.011)
    assert (deviation, runs) == ("not measured", "1")
    assert first.table.rows["without pad"] == (accuracy, "not measured", "1", "")
    assert len(json.loads((tmp_path / "results.json").read_text())) == 2
    assert (tmp_path / "without-pad" / "seed-0" / "last.weights.h5").is_file()


def test_a_row_may_have_a_network_of_its_own(data, tmp_path):
    made = []

    def network():
        layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
        inputs = outputs = keras.Input((16, 16, 3))
        for layer in layers:
            outputs = layer(outputs)
        made.append(keras.Model(inputs, outputs))
        return made[-1]

    recipe = krr.He2015CIFAR(epochs=1, step_epochs=(1,), **SMALL)
    results = krr.experiments.train_rows(
        {"one": recipe, "again": recipe},
        data,
        data,
        run_dir=tmp_path,
        models={"one": network, "again": network},
        verbose=0,
    )
    assert len(made) == 2
    # The seed is set before each network is made.
    assert results.logs["one"][0]["val_loss"] == results.logs["again"][0]["val_loss"]
    facts = json.loads((tmp_path / "one" / "seed-0" / "run.json").read_text())
    assert facts["own_model"]


@pytest.mark.parametrize(
    ("recipes", "models", "message"),
    [
        ({}, {}, "`recipes` must be one or more rows"),
        ({"A": krr.A3(), "a": krr.A3()}, {}, "with folders of their own"),
        ({"A": krr.A3()}, {"B": None}, r"`models` must be of rows in \['A'\]; received \['B'\]"),
    ],
)
def test_rows_are_checked(tmp_path, recipes, models, message):
    with pytest.raises(ValueError, match=message):
        krr.experiments.train_rows(recipes, None, None, run_dir=tmp_path, models=models)
    assert not list(tmp_path.iterdir())
