"""Every recipe has the published values and neutral defaults elsewhere."""

import dataclasses
import json
from pathlib import Path

import pytest

import keras_resnet_recipes as krr
from conftest import GOLDEN
from keras_resnet_recipes import augment, schedules
from keras_resnet_recipes.colors import IMAGENET_MEAN, IMAGENET_STD
from tests.recipes.page import page

COLUMNS = {
    name: column
    for file in ("strikes_back.json", "recipes.json")
    for name, column in json.loads((GOLDEN / file).read_text())["columns"].items()
}

# The golden columns are flat and predate the parts. Their values as parts:
KINDS = {
    "lamb": krr.recipe.Lamb,
    "adamw": krr.recipe.AdamW,
    "sgd": krr.recipe.SGD,
    "rmsprop_tf": krr.recipe.RMSpropTF,
    "cosine": schedules.Cosine,
    "step": schedules.Step,
    "exponential": schedules.Exponential,
    "piecewise_linear": schedules.PiecewiseLinear,
    "polynomial": schedules.Polynomial,
    "binary_crossentropy": krr.recipe.BinaryCrossentropy,
    "categorical_crossentropy": krr.recipe.CategoricalCrossentropy,
}
# Parts that a recipe has if its column contains the name.
PARTS = {
    "initialization": krr.recipe.Initialization,
    "crop_scale": augment.RandomResizedCrop,
    "shorter_side": augment.ScaleJitterCrop,
    "pad": augment.PadAndCrop,
    "horizontal_flip": augment.RandomFlip,
    "rand_augment": augment.RandAugment,
    "trivial_augment": augment.TrivialAugmentWide,
    "color_jitter": augment.ColorJitter,
    "lighting": augment.Lighting,
    "random_erasing": augment.RandomErasing,
    "cutout": augment.Cutout,
    "mixup_alpha": augment.MixUpOrCutMix,
    "ema_decay": krr.recipe.EMA,
    "progressive_first_size": krr.recipe.ProgressiveSize,
    "teacher": krr.recipe.Distillation,
}
NEW_NAMES = {
    "initialization": ("initialization_scale", "initialization_mode"),
    "schedule_reaches_ends": ("reach_ends",),
    "exponential_epochs": ("every_epochs",),
    "shorter_side": ("shorter_edge",),
    "train_interpolation": ("crop_interpolation",),
    "pad": ("padding",),
    "pad_color": ("pad_fill",),
    "cutout": ("cutout_size",),
    "cutout_color": ("cutout_fill",),
    "lighting": ("lighting_std",),
    "random_erasing": ("random_erasing_probability",),
    "rand_augment": ("rand_augment_magnitude", "rand_augment_std"),
    "color_jitter": tuple(
        f"color_jitter_{one}" for one in ("brightness", "contrast", "saturation")
    ),
    # Presence of parts, which `PARTS` covers; a plateau schedule is not He2015's default.
    "horizontal_flip": (),
    "trivial_augment": (),
    "plateau_patience": (),
}


def translated(column):
    """Returns numbers by flat name, classes of parts, and flat names of unpublished numbers."""
    column = dict(column)
    unpublished = column.pop("unpublished", [])
    names = {*column, *unpublished}
    kinds = {
        column.pop(name, "categorical_crossentropy") for name in ("optimizer", "schedule", "loss")
    }
    parts = {KINDS[kind] for kind in kinds} | {PARTS[name] for name in names & {*PARTS}}
    numbers = {}
    if column["network"] in ("ResNet9", "AirbenchNet"):
        parts.add(getattr(krr.recipe, column.pop("network")))
    for number, group in enumerate(column.pop("groups", []), start=1):
        numbers |= numbers_of_group(group, column, "" if number == 1 else f"_{number}")
    if "knot_epochs" in column:
        knots = zip(column.pop("knot_epochs"), column.pop("knot_factors"), strict=True)
        numbers |= {"knots": tuple(knots), "count_from": int(column.pop("schedule_reaches_ends"))}
    if "random_erasing" in column:
        noise = column.pop("random_erasing_fill", "mean") == "noise"
        numbers["random_erasing_fill"] = IMAGENET_MEAN
        numbers["random_erasing_noise"] = IMAGENET_STD if noise else 0.0
    if "rand_augment" in names:
        numbers["rand_augment_interpolation"] = column["train_interpolation"]
    if "crop_scale" not in names and "shorter_side" not in names:
        column.pop("train_interpolation", None)  # nothing is resized
    for name, value in column.items():
        several = NEW_NAMES.get(name, (name,))
        values = value if len(several) > 1 else (value,) * len(several)
        numbers |= dict(zip(several, values, strict=True))
    missing = {new for name in unpublished for new in NEW_NAMES.get(name, (name,))}
    frozen = {name: tuple(one) if isinstance(one, list) else one for name, one in numbers.items()}
    return frozen, parts, missing


def numbers_of_group(group, column, suffix):
    """Returns the numbers of a group of variables by flat name: rates and decays relative to the recipe's."""
    numbers = {"on": group["on"]}
    for name in ("learning_rate", "weight_decay"):
        if name in group:
            numbers[f"{name}_factor"] = pytest.approx(group[name] / column[name], rel=1e-12)
    if "muon" in group:
        numbers["optimizer"] = krr.recipe.Muon(**group["muon"])
    if "epochs" in group:
        numbers["epochs"] = group["epochs"]
    return {f"group_{name}{suffix}": value for name, value in numbers.items()}


def parts_of(recipe):
    parts = [value for value in vars(recipe).values() if isinstance(value, krr.recipe.Part)]
    return {type(part) for part in (*parts, *recipe.augmentation)} - {krr.recipe.Test}


def test_every_recipe_has_a_column():
    assert set(COLUMNS) == set(krr.RECIPES)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_value_is_the_published_one(name):
    recipe, column = krr.RECIPES[name](), dict(COLUMNS[name])
    assert recipe.published_top1 == column.pop("published_top1")
    column.pop("updates", None)
    expected, parts, unpublished = translated(column)
    assert parts_of(recipe) == parts
    assert sorted(recipe.missing()) == sorted(unpublished)
    values = {one.name: one.value for one in recipe.numbers()}
    assert {number: values[number] for number in expected} == expected
    neutral = {field.name: field.default for field in dataclasses.fields(krr.Recipe)}
    for one in recipe.numbers():
        if one.name in unpublished:
            assert one.value is krr.UNPUBLISHED
        elif one.name not in expected:
            assert one.value == neutral.get(one.name, one.field.default), one.name


@pytest.mark.parametrize(
    "name", [name for name, column in COLUMNS.items() if "unpublished" in column]
)
def test_fit_requires_unpublished_values(name):
    recipe = krr.RECIPES[name]()
    assert "not published" in str(recipe)
    with pytest.raises(ValueError, match=f"`{recipe.missing()[0]}`"):
        recipe.fit("nowhere")


def test_what_was_reached_is_the_mean_of_the_stored_runs():
    runs = Path(__file__).parents[2] / "benchmarks" / "results"
    reached = {name: one for name, one in krr.RECIPES.items() if one.reached_runs}
    assert list(reached) == ["Airbench94"]
    files = [*(runs / "airbench94").glob("ours-*.json")]
    top1 = [100 * json.loads(file.read_text())["top1_six_views"] for file in files]
    assert krr.Airbench94.reached_runs == len(top1)
    assert krr.Airbench94.reached_top1 == round(sum(top1) / len(top1), 2)


def test_the_page_is_up_to_date():
    written = Path(__file__).parents[2] / "docs" / "recipes.md"
    assert written.read_text() == page(), "run python -m tests.recipes.page docs/recipes.md"
