"""Requirements that every recipe and every augmentation must meet."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr

# Applied where a recipe has the field.
SMALL = {
    "network": "ResNet20",
    "epochs": 1,
    "warmup_epochs": 0,
    "cooldown_epochs": 0,
    "batch_size": 8,
    "train_size": 16,
    "progressive_first_size": 16,
    "test_size": 16,
    "shorter_edge": (18, 24),
    # Each further operation takes two seconds to trace and tests nothing new.
    "rand_augment_operations": 1,
}
# Arbitrary values for unpublished fields.
CHOSEN = {
    "learning_rate": 0.01,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "ema_decay": 0.9,
    "adaptive_gradient_clip": 0.1,
    "step_epochs": (1.0,),
    "step_factor": 0.5,
    "every_epochs": 1.0,
    "warmup_learning_rate": 0.0,
    "minimum_learning_rate": 0.0,
    "label_smoothing": 0.1,
    "rand_augment_magnitude": 9.0,
    "rand_augment_std": 0.5,
    "mixup_alpha": 0.2,
    "cutmix_alpha": 1.0,
}


# Together with OWN_TESTS, these cover everything that a backend computes for any recipe. Augmentation and
# schedules do not depend on the backend.
ON_EVERY_BACKEND = ("A1", "B", "D", "DAWNBench", "TorchVisionV2")
OWN_TESTS = {
    "teacher": "training/test_distillation.py",
    "weights": "training/test_pretrained.py",
    "frozen_stages": "training/test_pretrained.py",
    "adaptive_gradient_clip": "optimizers/test_adaptive_clipping.py",
}
TRAINED = tuple(krr.RECIPES) if keras.backend.backend() == "tensorflow" else ON_EVERY_BACKEND
COMPUTED = (
    *("nesterov", "learning_rate_in_velocity", "weight_decay_on"),
    *("schedule_per", "mix_partner", "data_on_device", "zero_gamma", "ema_after_warmup"),
)
SWITCHED_ON = (
    *("ema_decay", "gradient_clip", "target_threshold"),
    *("label_smoothing", "drop_path_rate", "mixup_alpha", "cutmix_alpha", *OWN_TESTS),
)


def computed(name):
    """Returns what a recipe computes on the backend: parts, selecting values, and switched-on features."""
    recipe = krr.RECIPES[name]()
    parts = {(field, type(getattr(recipe, field))) for field in ("optimizer", "loss")}
    chosen = {(field, getattr(recipe, field, None)) for field in COMPUTED}
    on = {(field, True) for field in SWITCHED_ON if getattr(recipe, field, None)}
    return parts | {(field, value) for field, value in chosen if value is not None} | on


def small(name):
    """Returns a recipe with small images, a small network and one epoch, and its own values otherwise."""
    recipe = krr.RECIPES[name]()
    sizes = {field: value for field, value in SMALL.items() if hasattr(recipe, field)}
    if isinstance(recipe.network, krr.recipe.AirbenchNet):  # whose layers its groups name
        sizes["network"] = krr.recipe.AirbenchNet(widths=(8, 8, 8))
    chosen = {field: CHOSEN[field] for field in recipe.missing() if field not in sizes}
    return recipe.replace(**sizes, **chosen)


def test_there_are_recipes():
    assert len(krr.RECIPES) >= 15
    assert all(name == recipe.__name__ for name, recipe in krr.RECIPES.items())


def test_a_few_recipes_cover_all_backend_computations():
    needed = set.union(*map(computed, krr.RECIPES)) - {(field, True) for field in OWN_TESTS}
    assert needed - set.union(*map(computed, ON_EVERY_BACKEND)) == set()
    for name in OWN_TESTS.values():
        assert "every_backend" in (Path(__file__).parent / name).read_text(), name


@pytest.mark.every_backend
@pytest.mark.parametrize("name", TRAINED)
def test_a_recipe_fits_two_steps(name, tmp_path):
    rng = np.random.default_rng(0)
    recipe, other = small(name), krr.applications.ResNet20(classifier_activation=None)
    if recipe.weights is not None:
        other.save_weights(tmp_path / "other.weights.h5")
        recipe = recipe.replace(weights=str(tmp_path / "other.weights.h5"))
    # Images on the device are not resized.
    size = (16, 16) if recipe.data_on_device else (20, 24)
    data = rng.integers(0, 256, (16, *size, 3), "uint8"), np.arange(16) % 10
    teacher = None if recipe.distillation is None else other
    history = recipe.fit(data, teacher=teacher, verbose=0)
    assert int(history.model.optimizer.iterations) == 2
    assert np.isfinite(history.history["loss"][0])


@pytest.mark.parametrize("name", krr.RECIPES)
def test_a_recipe_can_be_saved_loaded_and_printed(name, tmp_path):
    recipe = small(name)
    recipe.to_json(tmp_path / "recipe.json")
    assert krr.load_recipe(tmp_path) == recipe
    assert eval(repr(recipe), dict(krr.RECIPES)) == recipe
    assert not recipe.missing()
    printed = recipe.sheet(every_row=True)
    assert all(number.name in printed for number in recipe.numbers())
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


def test_all_augmentations_are_tested():
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
