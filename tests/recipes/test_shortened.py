"""Recipes of another length, and the numbers that do not fit a length."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.recipe import misfits
from keras_resnet_recipes.recipes import RECIPES

# For recipes that lack numbers, values with which they can be trained.
GIVEN = {
    "epochs": 100,
    "batch_size": 256,
    "learning_rate": 0.1,
    "step_epochs": (30, 60),
    "warmup_epochs": 5,
    "every_epochs": 2.4,
    "ema_decay": 0.9999,
}
COMPLETE = [
    recipe().replace(**{name: GIVEN.get(name, 0.1) for name in recipe().missing()})
    for recipe in RECIPES.values()
]
IMAGES = {"ImageNet-1k": 1_281_167, "CIFAR-10": 50_000}


def _misfits(recipe):
    return list(misfits(recipe, IMAGES[recipe.published_on] // recipe.batch_size))


def _rates(recipe):
    """Rates at 9 times within the training, relative to its length."""
    schedule = recipe.schedule.for_run(recipe.learning_rate, recipe.epochs)
    return [schedule(fraction * recipe.epochs) for fraction in np.linspace(0.05, 0.95, 9)]


@pytest.mark.parametrize("recipe", COMPLETE, ids=lambda one: type(one).__name__)
def test_a_recipe_of_its_own_length_is_unchanged_and_fits(recipe):
    assert recipe.shortened(recipe.epochs) == recipe
    assert _misfits(recipe) == []


@pytest.mark.parametrize("recipe", COMPLETE, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("epochs", [1, 7, 30, 1000])
def test_a_shortened_recipe_fits(recipe, epochs):
    shortened = recipe.shortened(epochs)
    # The number of updates is what it is.
    times = [line for line in _misfits(shortened) if not line.startswith(("`ema", "`zero"))]
    assert shortened.epochs == epochs
    assert times == []


@pytest.mark.parametrize(
    "recipe",
    [
        krr.A1(),
        krr.FFCVResNet18(),
        krr.DAWNBench(),
        krr.He2015CIFAR(),
        krr.He2015(step_epochs=(30.0, 60.0, 90.0)),
        krr.B(**{name: GIVEN.get(name, 0.1) for name in krr.B().missing()} | {"warmup_epochs": 10}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_rates_at_the_same_fraction_of_the_training_are_the_same(recipe):
    # Twice the length: whole numbers of epochs need no rounding.
    assert _rates(recipe.shortened(2 * recipe.epochs)) == pytest.approx(_rates(recipe))


def test_steps_of_the_paper_stay_at_half_and_three_quarters():
    # He et al.: 64,000 updates, steps at 32,000 and 48,000.
    assert krr.He2015CIFAR().shortened(41).step_epochs == pytest.approx((20.5, 30.75), abs=0.02)


def test_whole_numbers_are_rounded_and_do_not_vanish():
    assert krr.A2(cooldown_epochs=10).shortened(30).changed() == {
        "epochs": 30,
        "warmup_epochs": 1,
        "cooldown_epochs": 1,
    }
    assert krr.A2().shortened(1).warmup_epochs == 0
    plateau = krr.He2015(schedule=krr.schedules.Plateau(patience=12))
    assert plateau.shortened(30).plateau_patience == 3


def test_groups_of_some_epochs_are_scaled():
    assert [one.epochs for one in krr.Airbench94().shortened(16).groups if one.epochs] == [6]


@pytest.mark.parametrize("recipe", [krr.FFCVResNet18(), krr.FFCVResNet50()])
def test_a_published_length_is_as_it_was_published(recipe):
    for epochs, top1 in recipe.published_lengths:
        assert recipe.shortened(epochs) == recipe.replace(epochs=epochs)
        assert recipe.shortened(epochs).published == top1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: krr.A3().shortened(0), "`epochs` must be an integer at least 1"),
        (lambda: krr.A3().shortened(2.5), "`epochs` must be an integer at least 1"),
        (lambda: krr.B().shortened(30), "`epochs` of B must have a value"),
        (lambda: krr.A3(epochs=3), r"`krr.A3\(\).shortened\(3\)` scales it"),
    ],
)
def test_wrong_lengths_are_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_keras_schedule_cannot_be_scaled():
    rates = keras.optimizers.schedules.CosineDecay(0.1, 1000)
    with pytest.raises(ValueError, match=r"`schedule` must be one of krr\.schedules"):
        krr.A3(schedule=rates, learning_rate=None).shortened(10)


@pytest.mark.parametrize(
    ("recipe", "names"),
    [
        (krr.A3(epochs=10), ["warmup_epochs", "epochs"]),
        (krr.A3(cooldown_epochs=10), ["cooldown_epochs"]),
        (krr.He2015CIFAR(epochs=100), ["step_epochs", "epochs"]),
        (krr.DAWNBench(epochs=10), ["knots", "epochs"]),
        (krr.DAWNBench(epochs=30), ["knots", "epochs"]),
        (krr.Airbench94(epochs=2), ["knots", "group_epochs", "epochs"]),
        (krr.He2015(schedule=krr.schedules.Plateau(patience=120)), ["plateau_patience"]),
        (krr.A3(schedule=krr.schedules.Exponential(every_epochs=100)), ["every_epochs"]),
        (krr.TorchVisionV2(epochs=10, warmup_epochs=1), ["ema_decay"]),
        (krr.A3(ema=krr.recipe.EMA(decay=0.99999)), ["ema_decay"]),
    ],
    ids=repr,
)
def test_numbers_that_do_not_fit_are_named(recipe, names):
    assert [line.split("`")[1] for line in _misfits(recipe)] == names


def test_few_updates_of_lamb_with_zero_gamma_are_named():
    recipe = krr.A3().shortened(10)
    assert [line.split("`")[1] for line in misfits(recipe, 49)] == ["zero_gamma"]
    assert list(misfits(recipe, 50)) == []
    assert list(misfits(recipe.replace(zero_gamma=False), 49)) == []
    assert list(misfits(recipe.replace(weights="a1_in1k"), 49)) == []


def test_shortened_recipes_are_printed_and_stored(tmp_path):
    recipe = krr.He2015CIFAR().shortened(41)
    recipe.to_json(tmp_path / "recipe.json")
    assert krr.load_recipe(tmp_path / "recipe.json") == recipe
    assert "82.0513" in str(recipe)


def test_a_recipe_of_ones_own_with_a_schedule_of_keras_is_not_scaled():
    class Own(krr.Recipe):
        learning_rate = None
        schedule = keras.optimizers.schedules.CosineDecay(0.1, 1000)

    recipe = Own(epochs=3, learning_rate=0.1, schedule=krr.schedules.Cosine(warmup_epochs=2))
    assert [line.split("`")[1] for line in misfits(recipe, 1000)] == ["warmup_epochs"]
