"""Experiments: their rows, and small runs."""

import json

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.experiments import ablation


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (16, 16, 16, 3), "uint8"), np.arange(16) % 10


SMALL = {"train_size": 16, "test_size": 16, "batch_size": 8, "precision": "float32"}


@pytest.mark.parametrize("name", krr.RECIPES)
def test_every_ingredient_of_every_recipe_can_be_left_out(name):
    recipe = krr.RECIPES[name]()
    rows = ablation.one_off(recipe)
    assert rows[0].recipe == recipe
    for row in rows[1:]:
        # Only the ingredient in the name of the row differs.
        without = row.name.removeprefix("without ")
        (changed,) = row.recipe.changed()
        number = next((entry for entry in recipe.numbers() if entry.name == without), None)
        if number is None:
            assert row.recipe == recipe.replace(**{without: None})
        else:
            assert changed == without
            assert row.recipe == recipe.replace(**{without: number.field.metadata["off"]})


def test_leave_one_out_rows_of_a2():
    assert [row.name.removeprefix("without ") for row in ablation.one_off(krr.A2())] == [
        "A2",
        "zero_gamma",
        "drop_path_rate",
        "weight_decay",
        "gradient_clip",
        "warmup_epochs",
        "target_threshold",
        "repeated_augmentation",
        "random_resized_crop",
        "random_flip",
        "rand_augment",
        "mixup_alpha",
        "cutmix_alpha",
    ]


@pytest.mark.full
def test_ablate_trains_with_a_teacher(data, tmp_path):
    distillation = {"distillation": krr.recipe.Distillation()}
    recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, **distillation, **SMALL)
    teacher = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    results = krr.experiments.ablate(
        recipe, data, data, run_dir=tmp_path, rows=["A3"], teacher=teacher, verbose=0
    )
    facts = json.loads((tmp_path / "a3" / "seed-0" / "run.json").read_text())
    assert facts["teacher_parameters"] == 16 * 16 * 3 * 10 + 10
    assert len(results.logs["A3"]) == 1


def test_ablate_trains_the_rows_and_resumes(data, tmp_path, capsys):
    recipe = krr.He2015CIFAR(network="ResNet20", epochs=1, step_epochs=(1,), **SMALL)
    options = {"run_dir": tmp_path, "verbose": 2}
    first = krr.experiments.ablate(recipe, data, data, rows=["without pad_and_crop"], **options)
    assert capsys.readouterr().out.count("val_loss") == 1
    both = krr.experiments.ablate(
        recipe, data, data, rows=["He2015CIFAR", "without pad_and_crop"], **options
    )
    assert capsys.readouterr().out.count("val_loss") == 1
    assert both.logs["without pad_and_crop"] == first.logs["without pad_and_crop"]
    assert both.table.columns[-1] == "against He2015CIFAR"
    assert list(both.table.rows) == ["He2015CIFAR", "without pad_and_crop"]
    accuracy, deviation, runs, difference = both.table.rows["without pad_and_crop"]
    full = float(both.table.rows["He2015CIFAR"][0])
    # Each value is rounded to 0.01.
    assert float(difference) == pytest.approx(float(accuracy) - full, abs=0.011)
    assert (deviation, runs) == ("not measured", "1")
    assert first.table.rows["without pad_and_crop"] == (accuracy, "not measured", "1", "")
    assert len(json.loads((tmp_path / "results.json").read_text())) == 2
    assert (tmp_path / "without-pad-and-crop" / "seed-0" / "last.weights.h5").is_file()


def test_a_row_may_have_its_own_network(data, tmp_path):
    built = []

    def network():
        layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
        inputs = outputs = keras.Input((16, 16, 3))
        for layer in layers:
            outputs = layer(outputs)
        built.append(keras.Model(inputs, outputs))
        return built[-1]

    recipe = krr.He2015CIFAR(epochs=1, step_epochs=(1,), **SMALL)
    results = krr.experiments.train_rows(
        {"one": recipe, "again": recipe},
        data,
        data,
        run_dir=tmp_path,
        models={"one": network, "again": network},
        verbose=0,
    )
    assert len(built) == 2
    # The seed is set before each network is built.
    assert results.logs["one"][0]["val_loss"] == results.logs["again"][0]["val_loss"]
    facts = json.loads((tmp_path / "one" / "seed-0" / "run.json").read_text())
    assert facts["own_model"]


@pytest.mark.parametrize(
    ("recipes", "models", "message"),
    [
        ({}, {}, "`recipes` must be one or more rows"),
        ({"A": krr.A3(), "a": krr.A3()}, {}, "whose names give different folders"),
        (
            {"A": krr.A3()},
            {"B": None},
            r"`models` must have only names of rows, \['A'\]. Received: \['B'\]",
        ),
    ],
)
def test_rows_are_checked(tmp_path, recipes, models, message):
    with pytest.raises(ValueError, match=message):
        krr.experiments.train_rows(recipes, None, None, run_dir=tmp_path, models=models)
    assert not list(tmp_path.iterdir())
