"""The experiments themselves: what their rows are, and that a few of them run."""

import dataclasses
import itertools
import json

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.experiments import ablation, cumulative, search
from keras_resnet_recipes.recipes.checks import PART_OF


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


def test_the_cumulative_table_is_one_trick_more_in_each_row():
    recipe = krr.BagOfTricks(precision="mixed_float16")
    rows, notes = cumulative.rows(recipe)
    trained = [row for row in rows if row.recipe is not None]
    steps = [changes(a.recipe, b.recipe) for a, b in itertools.pairwise(trained)]
    assert steps == [
        {"batch_size": 1024, "learning_rate": 0.4},
        {"warmup_epochs": 5},
        {"zero_gamma": True},
        {"weight_decay_on": "kernels"},
        {"precision": "mixed_float16"},
        {"network": "ResNet50"},
        {"network": "ResNet50C"},
        {"network": "ResNet50D"},
        {"schedule": "cosine", "warmup_prefix": True, "step_epochs": ()},
        {"label_smoothing": 0.1},
        {"mixup_alpha": 0.2, "epochs": 200},
    ]
    assert trained[-1].recipe == recipe
    baseline = trained[0].recipe
    assert (baseline.network, baseline.epochs, baseline.batch_size) == ("ResNet50V1", 120, 256)
    assert baseline.step_epochs == (30, 60, 90)
    assert baseline.learning_rate == pytest.approx(0.1)
    assert [row.name for row in rows if row.recipe is None] == ["+ teacher", "+ teacher and MixUp"]
    assert len(notes) == 2


def test_published_figures_that_are_not_confirmed_are_marked():
    rows, _ = cumulative.rows(krr.BagOfTricks())
    published = {row.name: row.published for row in rows}
    # Confirmed: the model zoo's 50-D with MixUp, the abstract's 79.29.
    sure = [name for name, (figure, _) in published.items() if not figure.endswith("?")]
    assert sure == ["+ MixUp", "+ teacher and MixUp"]
    assert published["+ MixUp"] == ("79.15", "+0.84")
    assert published["baseline"] == ("75.87 ?", "")


def test_a_trick_that_changes_nothing_is_not_trained():
    rows, notes = cumulative.rows(krr.BagOfTricks(network="ResNet20", precision="float32"))
    skipped = [row.name for row in rows if row.recipe is None and "teacher" not in row.name]
    assert skipped == ["+ half precision", "+ ResNet-B", "+ ResNet-C", "+ ResNet-D"]
    assert sum(note.startswith("+ ResNet") for note in notes) == 3
    last = rows[-2].recipe
    assert last == krr.BagOfTricks(network="ResNet20", precision="float32")


def test_the_baseline_needs_a_quarter_of_the_batch():
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of 4"):
        cumulative.rows(krr.BagOfTricks(batch_size=30))


def test_gains_are_over_the_row_above_that_was_measured():
    rows, _ = cumulative.rows(krr.BagOfTricks())
    spread = krr.experiments.Spread
    top1 = {"baseline": spread((70.0, 72.0)), "+ warm-up": None, "+ cosine": spread((72.5,))}
    assert cumulative.gains(rows, top1) == {"baseline": "", "+ cosine": "+1.50"}


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


def test_rows_with_a_teacher_are_those_before_and_after_mixup():
    recipe = krr.BagOfTricks(precision="float32")
    rows, notes = cumulative.rows(recipe, with_teacher=True)
    found = {row.name: row for row in rows}
    assert [row.name for row in rows if row.taught] == ["+ teacher", "+ teacher and MixUp"]
    assert found["+ teacher"].recipe == found["+ label smoothing"].recipe
    assert found["+ teacher and MixUp"].recipe == recipe
    assert not any("teacher" in note for note in notes)
    spread = krr.experiments.Spread
    top1 = {name: spread((70.0 + number,)) for number, name in enumerate(found)}
    gains = cumulative.gains(rows, top1)
    # MixUp without a teacher over label smoothing, two rows above; with one over MixUp.
    assert (gains["+ teacher"], gains["+ MixUp"]) == ("+1.00", "+2.00")
    assert gains["+ teacher and MixUp"] == "+1.00"


def test_ablate_trains_with_a_teacher(data, tmp_path):
    recipe = krr.BagOfTricks(network="ResNet20", epochs=1, warmup_epochs=0, **SMALL)
    teacher = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    results = krr.experiments.ablate(
        recipe, data, data, run_dir=tmp_path, rows=["+ teacher"], teacher=teacher, verbose=0
    )
    facts = json.loads((tmp_path / "teacher" / "seed-0" / "run.json").read_text())
    assert facts["teacher_parameters"] == 16 * 16 * 3 * 10 + 10
    assert len(results.logs["+ teacher"]) == 1


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
    nothing = ("not measured", "not measured", "0", "not measured")
    assert both.table.rows["without weight_decay"] == nothing
    accuracy, deviation, runs, difference = both.table.rows["without pad"]
    whole = float(both.table.rows["He2015CIFAR"][0])
    # Each is rounded to 0.01.
    assert float(difference) == pytest.approx(float(accuracy) - whole, abs=0.011)
    assert (deviation, runs) == ("not measured", "1")
    assert first.table.rows["without pad"] == (accuracy, "not measured", "1", "not measured")
    assert len(json.loads((tmp_path / "results.json").read_text())) == 2
    assert (tmp_path / "without-pad" / "seed-0" / "last.weights.h5").is_file()


def test_degradation_draws_plain_and_residual_networks(data, tmp_path):
    recipe = krr.He2015CIFAR(epochs=1, step_epochs=(1,), **SMALL)
    results = krr.experiments.degradation(
        data, data, recipe=recipe, depths=[20], run_dir=tmp_path, verbose=0
    )
    assert list(results.table.rows) == ["Plain20", "ResNet20"]
    published, test, _, training, runs = results.table.rows["ResNet20"]
    log = results.logs["ResNet20"][0]
    assert (published, runs) == ("8.75", "1")
    assert float(test) == pytest.approx(100 - 100 * log["val_top1"][-1], abs=0.005)
    assert float(training) == pytest.approx(100 - 100 * log["top1"][-1], abs=0.005)
    assert results.plot == tmp_path / "degradation.png"
    assert results.plot.read_bytes().startswith(b"\x89PNG")
    assert str(results).splitlines()[-1] == str(results.plot)


@pytest.mark.parametrize("depths", [[], [20, 20], [50], ["20"]])
def test_depths_are_checked(depths):
    with pytest.raises(
        ValueError, match="`depths` must be different ones of 18, 20, 32, 34, 44, 56, 110"
    ):
        krr.experiments.degradation(None, None, depths=depths, run_dir="nowhere")


def test_deep_networks_for_large_pictures_have_shortcuts_without_parameters():
    from keras_resnet_recipes.experiments import depth

    rows = depth._rows(krr.He2015(step_epochs=(30, 60)), [18, 34])
    assert [row.name for row in rows] == ["Plain18", "Plain34", "ResNet18V1A", "ResNet34V1A"]
    assert [row.published[0] for row in rows] == ["27.94", "28.54", "27.88", "25.03"]


def test_the_search_has_its_15_networks():
    assert len(search.NETWORKS) == 15
    assert list(search.NETWORKS)[8:] == [
        "Residual:L1",
        "Residual:L2",
        "Residual:L3",
        "Residual:L1+L2",
        "Residual:L1+L3",
        "Residual:L2+L3",
        "Residual:L1+L2+L3",
    ]
    best = search.NETWORKS["Residual:L1+L3"](classifier_activation=None)
    same = krr.applications.ResNet9(classifier_activation=None)
    assert best.count_params() == same.count_params()
    assert [layer.name for layer in best.layers] == [layer.name for layer in same.layers]


def test_the_search_has_its_own_schedule():
    recipe = search._scheduled(krr.DAWNBench(), 20)
    assert changes(krr.DAWNBench(), recipe) == {"epochs": 20, "knot_epochs": (0, 4, 20)}
    assert search._scheduled(krr.He2015CIFAR(), 20) == krr.He2015CIFAR(epochs=20)


def test_the_search_trains_networks_of_its_own(data, tmp_path):
    results = krr.experiments.architecture_search(
        data,
        data,
        recipe=krr.DAWNBench(cutout=4, classes=10, **SMALL),
        epochs=1,
        rows=["backbone"],
        run_dir=tmp_path,
        verbose=0,
    )
    assert len(results.table.rows) == 15
    accuracy, seconds, measured, _, runs, measured_seconds = results.table.rows["backbone"]
    assert (accuracy, seconds, runs) == ("91.1", "47", "1")
    log = results.logs["backbone"][0]
    assert float(measured) == pytest.approx(100 * log["val_top1"][-1], abs=0.005)
    assert float(measured_seconds) == pytest.approx(sum(log["seconds"]), abs=0.5)
    assert results.table.rows["Extra:L1"][-1] == "not measured"
    facts = json.loads((tmp_path / "backbone" / "seed-0" / "run.json").read_text())
    assert facts["own_model"]
