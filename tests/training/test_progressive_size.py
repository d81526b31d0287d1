"""Training images whose size rises: batches, compilation, resuming, plans and errors."""

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.augment import PadAndCrop, RandomFlip, RandomResizedCrop
from keras_resnet_recipes.data import UnreadableImages, from_source
from keras_resnet_recipes.input_pipeline.training import TrainingBatches
from keras_resnet_recipes.planning.plan import Plan
from keras_resnet_recipes.planning.probe import Probe
from keras_resnet_recipes.recipe import ProgressiveSize
from keras_resnet_recipes.training import TrainingModel
from tests.runs.same_run import StopAt, StoppedError, without_times
from tests.tiny import tiny_model

X = np.random.default_rng(0).integers(0, 256, (16, 20, 24, 3)).astype("uint8")
DATA = X, np.arange(16) % 2
# Sizes 8, 8, 12, 16.
RECIPE = krr.A3(
    network="ResNet20",
    classes=2,
    epochs=4,
    warmup_epochs=0,
    batch_size=8,
    train_size=16,
    test_size=16,
    rand_augment=None,
    progressive_size=ProgressiveSize(first_size=8, begin=0.5, end=1.0, multiple=4),
)


def fit(recipe=RECIPE, **options):
    return recipe.fit(DATA, validation_data=DATA, verbose=0, **options)


def batches(recipe):
    data = from_source(DATA)
    return TrainingBatches(recipe, data, steps=2, seed=0, unreadable=UnreadableImages(data, "skip"))


def test_batches_are_those_of_a_recipe_with_the_size():
    assert [RECIPE.train_size_in(epoch) for epoch in range(4)] == [8, 8, 12, 16]
    made = [images for images, _ in batches(RECIPE).batches()]
    assert [len(images[0]) for images in made] == [8, 8, 8, 8, 12, 12, 16, 16]
    for size, steps in {8: (0, 1, 2, 3), 12: (4, 5), 16: (6, 7)}.items():
        plain = batches(RECIPE.replace(train_size=size, progressive_size=None))
        for step in steps:
            np.testing.assert_array_equal(made[step], plain.batch(*divmod(step, 2))[0])


@pytest.mark.every_backend
@pytest.mark.usefixtures("tiny_resnet20")
def test_the_step_is_compiled_once_per_size(monkeypatch):
    traced = []
    step = TrainingModel.train_step

    def counted(self, *arguments):
        traced.append(keras.tree.flatten(arguments[-1])[0].shape[1])
        return step(self, *arguments)

    monkeypatch.setattr(TrainingModel, "train_step", counted)
    history = fit()
    assert np.isfinite(history.history["loss"]).all()
    expected = {
        "tensorflow": [None],  # for all sizes
        "jax": [8, 12, 16],
        "torch": [8, 8, 8, 8, 12, 12, 16, 16],  # nothing is compiled
    }
    assert traced == expected[keras.backend.backend()]


@pytest.mark.full
@pytest.mark.every_backend
@pytest.mark.usefixtures("tiny_resnet20")
@pytest.mark.parametrize("position", [(2, 0), (2, 1), (3, 1)], ids=str)
def test_a_run_resumes_across_a_change_of_size(tmp_path, position):
    whole = fit(run_dir=tmp_path / "whole")
    with pytest.raises(StoppedError):
        fit(run_dir=tmp_path / "cut", save_every_steps=1, callbacks=[StopAt(*position)])
    resumed = fit(run_dir=tmp_path / "cut")
    assert without_times(resumed.history) == without_times(whole.history)
    for ours, theirs in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_preview_has_the_first_size(tmp_path):
    assert krr.preview.preview(RECIPE, DATA, rows=1, columns=4, seed=0).shape[2:] == (8, 8, 3)
    steps = krr.preview.snapshots(RECIPE, DATA, columns=4, seed=0)
    assert steps[-1].images[0].shape == (8, 8, 3)


def test_a_plan_counts_pixels():
    probe = Probe(images=8, first=9.0, seconds=(2.0,), peak_memory=None)
    plan = Plan(RECIPE, images=16, dataset="", probe=probe)
    # Two updates of two seconds per epoch at 16 pixels.
    assert plan.seconds == pytest.approx(4 * (2 * 0.25 + 0.5625 + 1))


def test_an_ablation_leaves_it_out():
    assert krr.recipe.leave_one_out(RECIPE)["progressive_size"].train_sizes == [16]


def test_a_teacher_must_take_all_sizes():
    recipe = RECIPE.replace(distillation=krr.recipe.Distillation())
    with pytest.raises(ValueError, match=r"8 x 8 pixels .* Received: a teacher for inputs of"):
        fit(recipe, teacher=tiny_model(size=16))


def test_a_given_model_must_take_all_sizes():
    with pytest.raises(ValueError, match=r"`train_size` must be the input size .* train_size=8"):
        fit(model=tiny_model(size=16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"progressive_first_size": 17}, "at most `train_size` .16.. Received: .*=17"),
        (
            {"progressive_begin": 0.9, "progressive_end": 0.5},
            "`end` must be at least `begin` .0.9.",
        ),
        ({"progressive_end": 1.5}, "Received: progressive_end=1.5"),
        ({"progressive_multiple": 0}, "Received: progressive_multiple=0"),
        ({"network": keras.applications.ResNet50}, "`progressive_size` must be None"),
        (
            {"data_on_device": True, "mix": None, "test_crop_ratio": 1.0, "augmentation": ()},
            "`progressive_size` must be None with data_on_device=True",
        ),
        ({"augmentation": (PadAndCrop(padding=9),)}, "at most 7 for training images of 8 pixels"),
    ],
)
def test_bad_values_are_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.replace(**changes)


def test_sizes_stay_between_the_first_and_the_last():
    size = ProgressiveSize(first_size=150, begin=0.0, end=1.0)
    sizes = [size.in_epoch(epoch, epochs=10, last_size=180) for epoch in range(10)]
    assert sizes == [150, *7 * [160], 180, 180]


def test_a_keras_layer_takes_all_sizes():
    augmentation = (RandomResizedCrop(), RandomFlip(), keras.layers.RandomBrightness(0.1))
    recipe = RECIPE.replace(augmentation=augmentation)
    assert {len(images[0]) for images, _ in batches(recipe).batches()} == {8, 12, 16}
