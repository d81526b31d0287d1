"""What every recipe and every augmentation must do, whichever they are."""

import dataclasses

import numpy as np
import pytest

import keras_resnet_recipes as krr

SMALL = {
    "network": "ResNet20",
    "epochs": 1,
    "warmup_epochs": 0,
    "cooldown_epochs": 0,
    "batch_size": 8,
    "train_size": 16,
    "test_size": 16,
    "shorter_side": None,
}
# For what nobody published any value will do here.
CHOSEN = {
    "learning_rate": 0.01,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "ema_decay": 0.9,
    "adaptive_gradient_clip": 0.1,
    "step_epochs": (1.0,),
    "plateau_patience": None,  # not read beside step_epochs
    "step_factor": 0.5,
    "exponential_epochs": 1.0,
    "warmup_learning_rate": 0.0,
    "minimum_learning_rate": 0.0,
    "label_smoothing": 0.1,
    "rand_augment": (9.0, 0.5),
    "mixup_alpha": 0.2,
    "cutmix_alpha": 1.0,
}


def small(name):
    """A recipe with all that is its own, but small pictures, a small network and one epoch."""
    recipe = krr.RECIPES[name]
    chosen = {field: CHOSEN[field] for field in recipe.unpublished if field not in SMALL}
    side = {"shorter_side": (18, 24)} if recipe().shorter_side else {}
    return recipe(**{**SMALL, **chosen, **side})


def test_there_are_recipes():
    assert len(krr.RECIPES) >= 12
    assert all(name == recipe.__name__ for name, recipe in krr.RECIPES.items())


@pytest.mark.every_backend
@pytest.mark.parametrize("name", krr.RECIPES)
def test_a_recipe_fits_two_steps(name):
    rng = np.random.default_rng(0)
    recipe = small(name)
    # What lies on the device is not resized there.
    size = (16, 16) if recipe.data_on_device else (20, 24)
    data = rng.integers(0, 256, (16, *size, 3), "uint8"), np.arange(16) % 10
    history = recipe.fit(data, verbose=0)
    assert int(history.model.optimizer.iterations) == 2
    assert np.isfinite(history.history["loss"][0])


@pytest.mark.parametrize("name", krr.RECIPES)
def test_a_recipe_round_trips_and_prints(name, tmp_path):
    recipe = small(name)
    recipe.to_json(tmp_path / "recipe.json")
    assert krr.load_recipe(tmp_path) == recipe
    assert eval(repr(recipe), dict(krr.RECIPES)) == recipe
    printed = str(recipe)
    assert all(field.name in printed for field in dataclasses.fields(recipe))
    assert recipe.__doc__
    assert "Published" in recipe.__doc__
    assert recipe.citation()
    assert recipe.published_top1


def augmentations():
    augment = krr.augment
    return {
        "RandAugment": augment.RandAugment(),
        "RandomResizedCrop": augment.RandomResizedCrop(16),
        "CenterCrop": augment.CenterCrop(16),
        "ColorJitter": augment.ColorJitter(0.4, 0.4, 0.4, 0.1),
        "Lighting": augment.Lighting(0.1),
        "ScaleJitterCrop": augment.ScaleJitterCrop(16, [20, 30]),
        "TenCrop": augment.TenCrop(16, 20),
        "TrivialAugmentWide": augment.TrivialAugmentWide(),
        "RandomFlip": augment.RandomFlip(),
        "PadAndCrop": augment.PadAndCrop(fill=(1.0, 2.0, 3.0)),
        "Cutout": augment.Cutout(),
        "RandomErasing": augment.RandomErasing(noise=1.0),
        "MixUp": augment.MixUp(0.2),
        "CutMix": augment.CutMix(1.0),
        "MixUpOrCutMix": augment.MixUpOrCutMix(0.2, 1.0),
    }


def test_no_augmentation_is_forgotten():
    classes = {name for name in krr.augment.__all__ if name[0].isupper()}
    assert classes == set(augmentations())


@pytest.mark.parametrize("name", augmentations())
def test_an_augmentation_is_a_value(name):
    one, two = augmentations()[name], augmentations()[name]
    assert one == two
    assert hash(one) == hash(two)
    assert eval(repr(one), vars(krr.augment)) == one
    field = dataclasses.fields(one)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, field, 1)
