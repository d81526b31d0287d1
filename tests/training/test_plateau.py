"""A `Plateau` schedule: the rate falls when the error no longer does, and a resumed run knows how long."""

import re

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.callbacks import read_log
from tests.training.same_run import without_times

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
# Labels that nothing in the pictures tells: top-1 goes up and down.
VALIDATION = X[::-1], np.arange(24) % 2


class StoppedError(Exception):
    pass


class StopAt(keras.callbacks.Callback):
    """Raises before a batch of an epoch."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.place, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise StoppedError


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
    """The rule as a sentence: divided after so many epochs without a new best, and counted anew."""
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
def test_the_rate_falls_when_the_error_does_not(monitor, whole):
    history = (whole if monitor == "val_top1" else fit(validation_data=None)).history
    expected = rates(history[monitor])
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(np.float32(history["learning_rate"]), expected)


def test_it_does_not_fall_below_the_minimum():
    recipe = RECIPE.replace(plateau_patience=1, minimum_learning_rate=0.1)
    history = fit(recipe=recipe).history
    expected = rates(history["val_top1"], recipe)
    assert expected[-1] == np.float32(0.1)
    np.testing.assert_array_equal(np.float32(history["learning_rate"]), expected)


@pytest.mark.parametrize("place", [(3, 0), (5, 2)], ids=str)
def test_a_resumed_run_is_the_same_run(tmp_path, place, whole):
    with pytest.raises(StoppedError):
        fit(tmp_path / "cut", save_every_steps=1, callbacks=[StopAt(*place)])
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


def test_what_was_not_published_is_asked_for_where_it_is_read():
    with pytest.raises(ValueError, match=r"^`step_epochs` must be given: of He2015 nobody"):
        krr.He2015().fit("nowhere")
    with pytest.raises(TypeError, match="patience"):
        krr.schedules.Plateau()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plateau_patience": 0}, "`plateau_patience` must be an integer at least 1."),
        (
            {"warmup_epochs": 1},
            "`warmup_epochs` is a number of Cosine or Exponential or Step, which",
        ),
        ({"schedule_per": "update"}, "`per` must be 'epoch' for a plateau."),
        ({"step_factor": 1.0}, "`factor` must be less than 1."),
        ({"step_epochs": (1,)}, "`step_epochs` is a number of Step, which He2015 does not have."),
    ],
    ids=str,
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        RECIPE.replace(**changes)
