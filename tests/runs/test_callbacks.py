"""Callbacks begin and end once, resume with the run, and end it for good."""

import csv

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.runs.log import read_log
from tests.runs.same_run import StopAt, StoppedError, without_times
from tests.runs.test_resume import DATA, RECIPE, network

LONG = RECIPE.replace(epochs=6)
AVERAGED = LONG.replace(ema=krr.recipe.EMA(decay=0.5))


def fit(folder, recipe=RECIPE, callbacks=(), **options):
    options = {"model": network(), "validation_data": DATA, "verbose": 0, **options}
    return recipe.fit(DATA, run_dir=folder, callbacks=callbacks, **options)


def cut(folder, position, recipe=RECIPE, callbacks=()):
    with pytest.raises(StoppedError):
        fit(folder, recipe, [*callbacks, StopAt(*position)], save_every_steps=2)


class Calls(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(epoch)

    def on_train_end(self, logs=None):
        self.calls.append("end")
        self.last = dict(logs)


class Resuming(Calls):
    def resume(self, rows):
        self.calls.append([(row["epoch"], "val_top1" in row) for row in rows])


@pytest.mark.every_backend
@pytest.mark.parametrize("position", [(0, 3), (1, 3)], ids=str)
def test_a_run_that_resumes_within_an_epoch_begins_and_ends_once(tmp_path, position):
    cut(tmp_path, position)
    calls = Resuming()
    history = fit(tmp_path, callbacks=[calls])
    resumed = [[(0, True)]] if position[0] else []
    assert calls.calls == ["begin", *resumed, *range(position[0], 2), "end"]
    assert calls.last["val_top1"] == history.history["val_top1"][-1]


def test_callbacks_that_cannot_resume_are_named(tmp_path, capsys):
    cut(tmp_path, (1, 3))
    capsys.readouterr()
    fit(tmp_path, callbacks=[Calls(), Resuming(), keras.callbacks.CSVLogger(tmp_path / "x.csv")])
    assert "without `resume(rows)`, Calls begin anew" in capsys.readouterr().out


def test_csv_logger_keeps_the_epochs_before(tmp_path):
    file = tmp_path / "epochs.csv"
    logger = keras.callbacks.CSVLogger(file)
    cut(tmp_path / "run", (1, 3), callbacks=[logger])
    logger.csv_file.close()
    fit(tmp_path / "run", callbacks=[keras.callbacks.CSVLogger(file)])
    with file.open() as lines:
        assert [row["epoch"] for row in csv.DictReader(lines)] == ["0", "1"]


class Scores(keras.callbacks.Callback):
    """Replaces the validation accuracy by given ones."""

    def __init__(self, *scores):
        super().__init__()
        self.scores = scores

    def on_epoch_end(self, epoch, logs=None):
        logs["val_top1"] = self.scores[epoch]

    def resume(self, rows):
        pass


def early(**options):
    return keras.callbacks.EarlyStopping(monitor="val_top1", patience=3, mode="max", **options)


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("recipe", "position"),
    [(LONG, (3, 0)), (LONG, (3, 3)), (AVERAGED, (3, 3))],
    ids=["at an epoch", "within", "averaged"],
)
def test_early_stopping_continues_its_count_and_ends_the_run_for_good(
    tmp_path, recipe, position, capsys
):
    # The best is epoch 1, so the run ends after epoch 4, wherever it was resumed.
    scores = Scores(0.1, 0.5, 0.4, 0.4, 0.4, 0.9)
    whole = fit(tmp_path / "whole", recipe, [scores, early(restore_best_weights=True)])
    assert whole.epoch == [0, 1, 2, 3, 4]
    cut(tmp_path / "cut", position, recipe, [scores, early()])
    resumed = fit(tmp_path / "cut", recipe, [scores, early(restore_best_weights=True)])
    assert resumed.epoch == whole.epoch
    again = fit(tmp_path / "cut", recipe, [scores, early(restore_best_weights=True)])
    assert "stopped the run" in capsys.readouterr().out
    assert again.epoch == whole.epoch
    for values in zip(*(run.model.get_weights() for run in (whole, resumed, again)), strict=True):
        np.testing.assert_array_equal(values[0], values[1])
        np.testing.assert_array_equal(values[0], values[2])
    page = krr.report.write_report(tmp_path / "cut").read_text()
    assert "finished: stopped early, after epoch 5 of 6" in page


class Fives(Scores):
    def on_epoch_end(self, epoch, logs=None):
        logs["val_top5"] = self.scores[epoch]


@pytest.mark.parametrize(
    ("scores", "restored"),
    [((0.5, 0.4, 0.3), None), ((0.5, 0.9, 0.4), 1)],
    ids=["the earlier is best", "a later is best"],
)
def test_early_stopping_says_what_it_cannot_restore(tmp_path, scores, restored, capsys):
    recipe, weights = RECIPE.replace(epochs=3), {}
    cut(tmp_path, (1, 3), recipe, [Fives(*scores)])
    resumed = keras.callbacks.EarlyStopping(
        "val_top5", mode="max", patience=9, restore_best_weights=True
    )
    kept = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.update({epoch: resumed.model.get_weights()})
    )
    model = fit(tmp_path, recipe, [Fives(*scores), resumed, kept]).model
    said = capsys.readouterr().out
    assert "EarlyStopping cannot restore the weights of its best epoch so far, 1," in said
    assert ("EarlyStopping has restored no weights" in said) == (restored is None)
    for given, wanted in zip(
        model.get_weights(), weights[2 if restored is None else restored], strict=True
    ):
        np.testing.assert_array_equal(given, wanted)


@pytest.mark.parametrize("kind", ["EarlyStopping", "ModelCheckpoint"])
def test_callbacks_know_that_a_larger_accuracy_is_better(tmp_path, kind):
    """Keras asks a metric's private `_direction`; without it both fail after the first epoch."""
    arguments = {"EarlyStopping": [], "ModelCheckpoint": [tmp_path / "model.keras"]}[kind]
    callback = getattr(keras.callbacks, kind)(*arguments, monitor="val_top1")
    fit(None, callbacks=[callback])
    assert callback.monitor_op is keras.ops.greater


@pytest.mark.parametrize("value", ["a word", None, np.eye(2)], ids=["text", "None", "array"])
def test_what_callbacks_log_never_costs_an_epoch(tmp_path, value, capsys):
    class Logs(Resuming):
        def on_epoch_end(self, epoch, logs=None):
            logs |= {"mine": value, "f1": np.float32(0.5), "epoch": 99}

    for _ in range(2):
        history = fit(tmp_path, callbacks=[Logs()]).history
    assert capsys.readouterr().out.count("'mine', 'epoch' are left out of log.csv") == 1
    assert history["f1"] == [0.5, 0.5]
    assert [row["epoch"] for row in read_log(tmp_path)] == [0, 1]
    assert "mine" not in history


def test_model_checkpoint_continues_with_its_best_value(tmp_path):
    file, scores = tmp_path / "model.keras", Scores(0.1, 0.5, 0.4, 0.4, 0.4, 0.4)

    def checkpoint():
        return keras.callbacks.ModelCheckpoint(
            file, monitor="val_top1", mode="max", save_best_only=True
        )

    cut(tmp_path / "run", (3, 3), LONG, [scores, checkpoint()])
    written = file.stat().st_mtime_ns
    resumed = checkpoint()
    fit(tmp_path / "run", LONG, [scores, resumed])
    assert file.stat().st_mtime_ns == written
    assert resumed.best == 0.5


def test_backup_and_restore_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`run_dir` resumes a run"):
        fit(None, callbacks=[keras.callbacks.BackupAndRestore(tmp_path / "backup")])


def test_a_generator_of_callbacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`callbacks` must be a list of Keras callbacks"):
        fit(None, callbacks=(callback for callback in [Calls()]))


def test_a_plateau_resumed_within_an_epoch_equals_the_whole_run(tmp_path):
    recipe = RECIPE.replace(
        epochs=4, schedule=krr.schedules.Plateau(patience=1, factor=0.1), learning_rate=0.005
    )
    scores = Scores(0.5, 0.4, 0.4, 0.4)
    whole = fit(tmp_path / "whole", recipe, [scores])
    cut(tmp_path / "cut", (2, 3), recipe, [scores])
    resumed = fit(tmp_path / "cut", recipe, [scores])
    assert without_times(resumed.history) == without_times(whole.history)
    assert [row["epoch"] for row in read_log(tmp_path / "cut")] == [0, 1, 2, 3]
