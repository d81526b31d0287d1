"""The time to an accuracy: it counts training alone, and the command prints it."""

import types

import keras
import numpy as np
import pytest

from keras_resnet_recipes.cli import main
from keras_resnet_recipes.runs.progress import Progress, reached


class Slow(keras.callbacks.Callback):
    """Advances a clock of its own in training and in evaluation."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.now += 0.05

    def on_test_batch_end(self, batch, logs=None):
        self.now += 0.5


def progress():
    return Progress(images=1, batches=4)


@pytest.mark.every_backend
def test_evaluations_are_not_counted(monkeypatch):
    slow = Slow()
    fake_time = types.SimpleNamespace(perf_counter=lambda: slow.now)
    monkeypatch.setattr("keras_resnet_recipes.runs.progress.time", fake_time)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    history = model.fit(
        x,
        y,
        batch_size=1,
        epochs=3,
        validation_data=(x, y),
        callbacks=[progress(), slow],
        verbose=0,
    )
    # Four training batches of 0.05 s and four evaluation batches of 0.5 s.
    np.testing.assert_allclose(history.history["train_seconds"], [0.2] * 3)
    np.testing.assert_allclose(history.history["seconds"], [2.2] * 3)


@pytest.mark.every_backend
def test_train_seconds_without_evaluation():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    history = model.fit(x, y, epochs=2, callbacks=[progress()], verbose=0)
    assert len(history.history["train_seconds"]) == 2


def test_reached_returns_the_first_epoch_that_reaches_the_accuracy():
    history = {
        "val_top1": [0.3, float(np.float32(0.94)), 0.93, 0.96],
        "train_seconds": [5.0, 2.0, 2.0, 2.0],
    }
    assert reached(history, 94.0) == (2, 7.0)
    assert reached(history, 95.0) == (4, 11.0)
    assert reached(history, 96.1) is None


@pytest.mark.full
def test_the_command_evaluates_on_the_file_and_prints_the_time(tmp_path, capsys):
    rng, path, run = np.random.default_rng(0), tmp_path / "images.npz", str(tmp_path / "run")
    x, y = rng.integers(0, 256, (16, 8, 8, 3), "uint8"), np.arange(16) % 3
    np.savez(path, x_train=x, y_train=y, x_test=x[:6], y_test=y[:6])
    small = {"network": "'ResNet20'", "train_size": 8, "test_size": 8, "cutout_size": 4}
    small |= {"batch_size": 8, "epochs": 1}
    changes = [part for item in small.items() for part in ("--set", "{}={}".format(*item))]
    command = ["train", "DAWNBench", "--data", str(path), "--run-dir", run, *changes]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"`--val` not given: using the validation images of {str(path)!r}." in lines
    assert lines[-1].startswith("94 % not reached (best ")
    assert main(["evaluate", run, "--data", str(path)]) == 0
    assert "  images 6\n" in capsys.readouterr().out
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert "train_seconds" in log[0].split(",")
