"""The `Plateau` schedule: the rate falls when the error stalls, and a resumed run keeps the count of epochs."""

import re

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs.log import read_log
from tests.runs.same_run import StopAt, StoppedError, without_times

pytestmark = pytest.mark.every_backend

RECIPE = krr.He2015(
    schedule=krr.schedules.Plateau(patience=2, factor=0.5),
    classes=2,
    epochs=7,
    batch_size=8,
    train_size=8,
    test_size=8,
    learning_rate=0.3,
    scale_jitter_crop=None,
    lighting=None,
)
X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3)).astype("uint8")
DATA = X, np.arange(24) % 2
# Labels that are independent of the images, so that top-1 fluctuates.
VALIDATION = X[::-1], np.arange(24) % 2


def fit(folder=None, recipe=RECIPE, validation_data=VALIDATION, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    options = {"run_dir": folder, "validation_data": validation_data, "verbose": 0, **options}
    return recipe.fit(DATA, model=model, **options)


def rates(top1, recipe=RECIPE):
    """Returns the rates by the rule: reduced after every `plateau_patience` epochs without a new best."""
    rate, best, waited, found = np.float32(recipe.learning_rate), -1.0, 0, []
    for value in top1:
        found.append(rate)
        waited = 0 if value > best else waited + 1
        best = max(best, value)
        if waited == recipe.plateau_patience:
            floor = np.float32(recipe.minimum_learning_rate)
            rate, waited = max(np.float32(float(rate) * recipe.step_factor), floor), 0
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("monitor", ["val_top1", "top1"])
def test_the_rate_falls_when_the_error_stalls(monitor, whole):
    history = (whole if monitor == "val_top1" else fit(validation_data=None)).history
    expected = rates(history[monitor])
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(np.float32(history["learning_rate"]), expected)


def test_the_rate_does_not_fall_below_the_minimum():
    recipe = RECIPE.replace(plateau_patience=1, minimum_learning_rate=0.1)
    history = fit(recipe=recipe).history
    expected = rates(history["val_top1"], recipe)
    assert expected[-1] == np.float32(0.1)
    np.testing.assert_array_equal(np.float32(history["learning_rate"]), expected)


@pytest.mark.parametrize("position", [(3, 0), (5, 2)], ids=str)
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, position, whole):
    with pytest.raises(StoppedError):
        fit(tmp_path / "cut", save_every_steps=1, callbacks=[StopAt(*position)])
    resumed = fit(tmp_path / "cut")
    assert len(set(whole.history["learning_rate"])) > 1
    assert without_times(resumed.history) == without_times(whole.history)
    assert [row["learning_rate"] for row in read_log(tmp_path / "cut")] == whole.history[
        "learning_rate"
    ]
    for ours, theirs in zip(
        [*resumed.model.variables, *resumed.model.optimizer.variables],
        [*whole.model.variables, *whole.model.optimizer.variables],
        strict=True,
    ):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        )


def test_unpublished_values_must_be_given():
    with pytest.raises(
        ValueError, match=r"^`step_epochs` must be given, because no value was published for He2015"
    ):
        krr.He2015().fit("nowhere")
    with pytest.raises(TypeError, match="patience"):
        krr.schedules.Plateau()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plateau_patience": 0}, "`plateau_patience` must be an integer at least 1."),
        (
            {"warmup_epochs": 1},
            "`warmup_epochs` requires Cosine or Exponential or Polynomial or Step, which",
        ),
        ({"schedule_per": "update"}, "`per` must be 'epoch' for a plateau."),
        ({"step_factor": 1.0}, "`factor` must be less than 1."),
        ({"step_epochs": (1,)}, "`step_epochs` requires Step, which He2015 does not have."),
    ],
    ids=["plateau_patience", "warmup_epochs", "schedule_per", "step_factor", "step_epochs"],
)
def test_invalid_values_are_errors(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        RECIPE.replace(**changes)
