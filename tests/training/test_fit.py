"""Recipe.fit and Recipe.evaluate, from arrays to a History."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import training
from keras_resnet_recipes.applications.outputs import to_probabilities
from keras_resnet_recipes.runs.log import read_log
from keras_resnet_recipes.runs.progress import TIMES
from keras_resnet_recipes.schedules import Cosine, Exponential, PiecewiseLinear, Step
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("tiny_resnet20")

# Without RandAugment, whose fifteen operations take seconds to trace; the conformity tests cover it.
RECIPE = krr.A3(
    network="ResNet20",
    epochs=3,
    warmup_epochs=1,
    batch_size=8,
    train_size=16,
    test_size=16,
    rand_augment=None,
)


def squares(n=32, classes=2, seed=0):
    """Images with a bright square, whose position is the class."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 60, (n, 20, 20, 3)).astype("uint8")
    y = np.arange(n) % classes
    for image, label in zip(x, y, strict=True):
        image[:10, 10 * (label % 2) :][:, :10] = 200
    return x, y


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_resnet20):
    """A run folder, which tests must not change, and the History of its training."""
    folder = tmp_path_factory.mktemp("runs") / "a" / "b"
    val = squares(30, seed=1)
    return folder, RECIPE.fit(squares(), validation_data=val, run_dir=folder, verbose=0)


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "copy")


@pytest.mark.every_backend
def test_fit_returns_a_history():
    history = RECIPE.fit(squares(), validation_data=squares(11, seed=1), verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert history.epoch == [0, 1, 2]
    assert set(history.history) == {
        "loss",
        "top1",
        "val_loss",
        "val_top1",
        "learning_rate",
        *TIMES,
    }
    assert isinstance(history.model, keras.Model)
    assert history.model.output_shape == (None, 2)
    schedule = krr.schedules.Cosine(8e-3, epochs=3, warmup_epochs=1)
    # The optimizer stores its learning rate in float32.
    np.testing.assert_allclose(
        history.history["learning_rate"], [schedule(e) for e in range(3)], rtol=1e-7
    )


def test_top5_is_logged_for_more_than_five_classes():
    history = RECIPE.replace(epochs=1).fit(squares(32, classes=6), verbose=0)
    assert "top5" in history.history


def test_the_same_seed_gives_the_same_run():
    one, two, other = (
        RECIPE.fit(squares(), verbose=0, seed=seed).history["loss"] for seed in (1, 1, 2)
    )
    # Sums across threads may round differently.
    np.testing.assert_allclose(one, two, rtol=1e-4)
    assert abs(one[0] - other[0]) > 1e-3 * one[0]


class StoppedError(Exception):
    pass


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epochs:
            raise StoppedError


@pytest.mark.every_backend
def test_an_interrupted_run_resumes_at_the_epoch(tmp_path):
    recipe, data, val = RECIPE.replace(epochs=4), squares(), squares(11, seed=1)
    whole = recipe.fit(data, validation_data=val, run_dir=tmp_path / "whole", verbose=0)
    with pytest.raises(StoppedError):
        recipe.fit(
            data, validation_data=val, run_dir=tmp_path / "cut", verbose=0, callbacks=[StopAfter(2)]
        )
    assert len(read_log(tmp_path / "cut")) == 2
    resumed = recipe.fit(data, validation_data=val, run_dir=tmp_path / "cut", verbose=0)
    assert resumed.epoch == [0, 1, 2, 3]
    for name in whole.history.keys() - {*TIMES}:
        # Sums across threads may round differently, and training amplifies the difference.
        np.testing.assert_allclose(
            resumed.history[name], whole.history[name], rtol=1e-3, err_msg=name
        )
    for ours, theirs in zip(resumed.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert int(resumed.model.optimizer.iterations) == 16


def test_a_finished_run_is_returned_untrained(finished, copy):
    done, batches = finished[1], []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(batch)
    )
    again = RECIPE.fit(
        squares(),
        validation_data=squares(30, seed=1),
        run_dir=copy,
        verbose=0,
        callbacks=[count],
    )
    assert not batches
    assert again.epoch == done.epoch
    assert again.history == done.history
    for ours, theirs in zip(again.model.get_weights(), done.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_folder_contains_recipe_and_facts(finished):
    folder = finished[0]
    assert {file.name for file in folder.iterdir()} == {
        "recipe.json",
        "run.json",
        "log.csv",
        "last.weights.h5",
        "best.weights.h5",
        "checkpoints.json",
    }
    assert krr.load_recipe(folder) == RECIPE.replace(classes=2)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["versions"]["keras"] == keras.version()
    assert facts["images"] == 32
    assert facts["seed"] == 0
    assert facts["hardware"]["processor"]


def test_another_recipe_is_an_error_that_shows_the_difference(copy):
    options = {"validation_data": squares(30, seed=1), "run_dir": copy, "verbose": 0}
    with pytest.raises(ValueError, match="contains a run of another recipe") as error:
        RECIPE.replace(weight_decay=0.1).fit(squares(), **options)
    assert re.search(r"\n +the run +now\nweight_decay +0\.02 +0\.1\n", str(error.value))
    with pytest.raises(ValueError, match=r"seed=0\. Received: seed=1"):
        RECIPE.fit(squares(), **options, seed=1)
    with pytest.raises(ValueError, match=r"Received: 20 images instead of 16 in class '0'"):
        RECIPE.fit(squares(40), **options)


def test_a_folder_with_other_files_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(ValueError, match="must be a run folder, an empty folder, or new"):
        RECIPE.fit(squares(), run_dir=tmp_path, verbose=0)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_best_weights_are_those_of_the_best_epoch(finished):
    folder, history = finished
    best = RECIPE.evaluate(training.load_run(folder, "best"), squares(30, seed=1), verbose=0)
    assert best["top1"] == pytest.approx(max(history.history["val_top1"]), abs=1e-6)
    last = RECIPE.evaluate(training.load_run(folder, "last"), squares(30, seed=1), verbose=0)
    assert last["top1"] == pytest.approx(history.history["val_top1"][-1], abs=1e-6)
    # The loss determines the activation that is added for export and prediction.
    loaded = to_probabilities(krr.load_run(folder)).layers[-1]
    assert isinstance(RECIPE.loss, krr.recipe.BinaryCrossentropy)
    assert loaded.activation is keras.activations.sigmoid


def test_the_ema_is_evaluated_saved_and_returned(finished, tmp_path):
    recipe = RECIPE.replace(ema=krr.recipe.EMA(decay=0.8))
    history = recipe.fit(
        squares(), validation_data=squares(30, seed=1), run_dir=tmp_path, verbose=0
    )
    plain = finished[1].model
    ours = recipe.evaluate(history.model, squares(30, seed=1), verbose=0)
    assert ours["top1"] == pytest.approx(history.history["val_top1"][-1], abs=1e-6)
    last = training.load_run(tmp_path, "last")
    again = recipe.fit(squares(), validation_data=squares(30, seed=1), run_dir=tmp_path, verbose=0)
    for weight, loaded, resumed, trained in zip(
        history.model.get_weights(),
        last.get_weights(),
        again.model.get_weights(),
        plain.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(weight, loaded)
        np.testing.assert_array_equal(weight, resumed)
        assert weight.shape != (3, 3, 3, 4) or np.abs(weight - trained).max() > 1e-5


@pytest.mark.every_backend
@pytest.mark.parametrize(
    "chosen",
    [
        Step(boundaries=(1.0, 2.0), warmup_epochs=1),
        Exponential(every_epochs=2.0, factor=0.5, warmup_epochs=1),
        PiecewiseLinear(knots=((0, 0.5), (1, 1), (3, 0))),
        Cosine(warmup_epochs=1, per="update", warmup_prefix=True),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_the_learning_rate_follows_the_schedule(chosen):
    from keras_resnet_recipes.training.learning_rate import schedule as schedule_of

    recipe = RECIPE.replace(schedule=chosen)
    rates = recipe.fit(squares(), verbose=0).history["learning_rate"]
    schedule = schedule_of(recipe)
    # Logged at the end of an epoch: the rate of that epoch, or of the next update.
    ends = [schedule(e) if recipe.schedule_per == "epoch" else schedule(e + 1) for e in range(3)]
    np.testing.assert_allclose(rates, ends, rtol=1e-5, atol=1e-10)


@pytest.mark.every_backend
def test_evaluation_counts_exactly():
    x, y = squares(21, classes=2)
    model = krr.applications.ResNet20(classes=2, classifier_activation=None)
    result = RECIPE.replace(batch_size=8).evaluate(model, (x, y), verbose=0)
    crop = krr.augment.CenterCrop(16, 0.95, "bicubic")
    predicted = model.predict(np.stack([crop(image) for image in x]), verbose=0).argmax(axis=1)
    assert result["images"] == 21
    assert result["top1"] == pytest.approx((predicted == y).mean(), abs=1e-6)


def test_evaluation_of_probabilities_has_no_loss_and_does_not_change_the_model():
    model = krr.applications.ResNet20(classes=2)
    model.compile("sgd", "categorical_crossentropy")
    before = model.optimizer
    assert set(RECIPE.evaluate(model, squares(5), verbose=0)) == {"top1", "images"}
    assert model.optimizer is before


def test_a_given_model_is_trained():
    model = tiny_model()
    before = [w.copy() for w in model.get_weights()]
    history = RECIPE.fit(squares(), model=model, verbose=0)
    assert history.model is model
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_run_of_a_given_model_is_resumed(tmp_path):
    one, other = tiny_model(), tiny_model()
    assert one.name != other.name
    RECIPE.fit(squares(), model=one, run_dir=tmp_path, verbose=0)
    again = RECIPE.fit(squares(), model=other, run_dir=tmp_path, verbose=0)
    np.testing.assert_array_equal(again.model.get_weights()[0], one.get_weights()[0])
    with pytest.raises(ValueError, match="a model given as `model=`, which only you can build"):
        training.load_run(tmp_path)


@pytest.mark.parametrize(
    ("recipe", "data", "options", "message"),
    [
        (
            RECIPE,
            squares(4),
            {},
            r"`batch_size` must be at most .* Received: batch_size=8 for the 4 images",
        ),
        (
            RECIPE.replace(classes=3),
            squares(32, classes=6),
            {},
            r"within 0..2 for 3 classes. Received: 5",
        ),
        (RECIPE, (squares()[0], np.zeros(32, int)), {}, "of two classes or more.*all 0"),
        (
            RECIPE,
            squares(),
            {"steps_per_epoch": 0},
            "`steps_per_epoch` must be an integer of at least 1",
        ),
        (RECIPE, squares(), {"distribution": "some"}, "must be 'auto', 'none', 'mirrored' or"),
        (
            RECIPE,
            squares(),
            {"validation_data": squares(8, classes=4)},
            r"within 0..1 for 2 classes",
        ),
        (
            RECIPE,
            squares(),
            {"model": keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])},
            "`model` must have 2 outputs",
        ),
    ],
    ids=[
        "batch_size",
        "classes",
        "one class",
        "steps_per_epoch",
        "distribution",
        "classes of validation",
        "outputs of model",
    ],
)
def test_invalid_arguments_are_errors(recipe, data, options, message):
    with pytest.raises(ValueError, match=message):
        recipe.fit(data, verbose=0, **options)


def test_a_stream_of_unknown_length_needs_steps():
    import tensorflow as tf

    endless = tf.data.Dataset.from_tensor_slices(squares()).repeat()
    with pytest.raises(ValueError, match="`classes` must be given"):
        RECIPE.fit(endless, verbose=0)
    with pytest.raises(ValueError, match="`steps_per_epoch` must be given"):
        RECIPE.replace(classes=2).fit(endless, verbose=0)
    history = RECIPE.replace(classes=2, epochs=1).fit(endless, verbose=0, steps_per_epoch=2)
    assert int(history.model.optimizer.iterations) == 2


def test_fit_uses_the_precision_of_the_recipe_and_restores_the_policy():
    history = RECIPE.replace(precision="mixed_float16", epochs=1).fit(squares(), verbose=0)
    assert history.model.get_layer("conv").compute_dtype == "float16"
    assert isinstance(history.model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert np.isfinite(history.history["loss"][0])
    assert keras.config.dtype_policy().name == "float32"


def test_micro_batches_make_one_update():
    recipe = RECIPE.replace(gradient_accumulation_steps=2, epochs=1)
    history = recipe.fit(squares(), verbose=0)
    assert int(history.model.optimizer.iterations) == 4


def test_an_unreadable_image_causes_a_warning_during_training(tmp_path):
    import tensorflow as tf

    x, y = squares(120)
    for number, (image, label) in enumerate(zip(x, y, strict=True)):
        file = tmp_path / str(label) / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tf.io.encode_png(image).numpy())
    (tmp_path / "0" / "0.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match=r"1 unreadable image\(s\) of .*/0/0\.png"):
        history = RECIPE.replace(epochs=2).fit(tmp_path, validation_data=(x, y), verbose=0)
    assert len(history.epoch) == 2
    with pytest.raises(ValueError, match=r"cannot read .*/0/0\.png"):
        RECIPE.replace(unreadable_images="raise").fit(tmp_path, verbose=0)
    with pytest.warns(UserWarning, match="unreadable"):
        assert RECIPE.evaluate(history.model, tmp_path, verbose=0)["images"] == 119
