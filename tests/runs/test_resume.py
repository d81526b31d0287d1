"""A run resumes from its last checkpoint bit by bit and survives damaged files, signals and full disks."""

import csv
import os
import resource
import shutil
import signal

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.runs.log import read_log
from tests.runs.same_run import StopAt, StoppedError, without_times

RECIPE = krr.A3(
    classes=2, epochs=2, warmup_epochs=0, batch_size=8, train_size=8, test_size=8, rand_augment=None
)
X = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype("uint8")
DATA = X, np.arange(40) % 2


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            krr.layers.StochasticDepth(0.3),
            keras.layers.GlobalAveragePooling2D(),
            # On torch, Dropout without a seed draws from torch's global generator, which is not saved.
            keras.layers.Dropout(0.3, seed=1),
            keras.layers.Dense(2),
        ]
    )


def fit(folder=None, recipe=RECIPE, **options):
    return recipe.fit(
        DATA, model=network(), validation_data=DATA, run_dir=folder, verbose=0, **options
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The uninterrupted run: its folder, which tests must not change, and its History."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, fit(folder)


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "copy")


def state(model):
    return [np.asarray(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_same(one, other):
    assert without_times(one.history) == without_times(other.history)
    for ours, theirs in zip(state(one.model), state(other.model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("save_every", "position"), [(None, (1, 0)), (2, (0, 3)), (2, (1, 4))], ids=str
)
def test_a_resumed_run_equals_the_uninterrupted_one(whole, tmp_path, save_every, position):
    with pytest.raises(StoppedError):
        fit(tmp_path / "cut", save_every_steps=save_every, callbacks=[StopAt(*position)])
    assert_same(fit(tmp_path / "cut"), whole[1])
    logs = [[*map(without_times, read_log(run))] for run in (whole[0], tmp_path / "cut")]
    assert logs[0] == logs[1]


def test_a_run_resumes_between_micro_batches(tmp_path):
    recipe = RECIPE.replace(gradient_accumulation_steps=2)
    whole = fit(tmp_path / "whole", recipe)
    with pytest.raises(StoppedError):
        fit(tmp_path / "cut", recipe, save_every_steps=2, callbacks=[StopAt(0, 7)])
    assert_same(fit(tmp_path / "cut", recipe), whole)


@pytest.mark.parametrize("damage", ["truncated", "changed", "missing"])
def test_a_damaged_checkpoint_is_an_error_that_names_the_best_weights(copy, damage):
    last = copy / "last.weights.h5"
    contents = bytearray(last.read_bytes())
    if damage == "changed":
        contents[len(contents) // 2] ^= 1
        last.write_bytes(contents)
    elif damage == "truncated":
        last.write_bytes(contents[:-100])
    else:
        last.unlink()
    before = {file: file.read_bytes() for file in copy.iterdir()}
    what = "is missing" if damage == "missing" else "is damaged"
    with pytest.raises(
        ValueError, match=rf"last.weights.h5' {what}.* from the best weights"
    ) as error:
        fit(copy)
    assert f"weights={str(copy)!r} (--set weights={copy})" in str(error.value)
    assert {file: file.read_bytes() for file in copy.iterdir()} == before, "nothing is overwritten"


def test_a_new_run_begins_from_the_best_weights_of_a_damaged_one(tmp_path, tiny_resnet20):
    recipe, run = RECIPE.replace(network="ResNet20"), tmp_path / "run"
    options = {"validation_data": DATA, "verbose": 0}
    recipe.fit(DATA, run_dir=run, **options)
    best = krr.load_run(run, "best").get_weights()
    (run / "last.weights.h5").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="begin a new run from the best weights"):
        recipe.fit(DATA, run_dir=run, **options)

    class First(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.weights = self.model.get_weights()

    first = First()
    again = recipe.replace(weights=str(run))
    again.fit(DATA, run_dir=tmp_path / "again", callbacks=[first], **options)
    for ours, theirs in zip(first.weights, best, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_best_weights_a_damaged_checkpoint_is_an_error(tmp_path):
    recipe = RECIPE.replace(epochs=1)
    recipe.fit(DATA, model=network(), run_dir=tmp_path, verbose=0)
    last = tmp_path / "last.weights.h5"
    last.write_bytes(last.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"is damaged.* or give another `run_dir` to start again"):
        recipe.fit(DATA, model=network(), run_dir=tmp_path, verbose=0)


def test_a_missing_log_is_an_error(copy):
    (copy / "log.csv").unlink()
    with pytest.raises(ValueError, match="has 0 of the 2 finished epochs"):
        fit(copy)


@pytest.mark.parametrize("position", [(0, 3), (1, None)], ids=["in an epoch", "in an evaluation"])
def test_sigterm_saves_and_exits_with_143(whole, tmp_path, position, capsys):
    class Terminated(keras.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_begin(self, batch, logs=None):
            if (self.epoch, batch) == position:
                os.kill(os.getpid(), signal.SIGTERM)

        def on_test_batch_begin(self, batch, logs=None):
            if (self.epoch, None) == position:
                os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        fit(tmp_path / "cut", callbacks=[Terminated()])
    assert stopped.value.code == 143
    assert "The same command resumes" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before
    with (tmp_path / "cut" / "log.csv").open() if position[0] else open(os.devnull) as log:
        assert len(list(csv.DictReader(log))) == (2 if position[0] else 0)
    assert_same(fit(tmp_path / "cut"), whole[1])


@pytest.mark.parametrize("epochs", [0, 1])
def test_a_full_disk_keeps_the_previous_checkpoint(whole, tmp_path, epochs, monkeypatch):
    class Full(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == epochs:
                # Python ignores SIGXFSZ, so that writing fails as on a full disk.
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(
            OSError, match="The previous checkpoint is kept; the same command resumes"
        ):
            fit(tmp_path / "cut", callbacks=[Full()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "cut").glob("new.*"))
    assert_same(fit(tmp_path / "cut"), whole[1])


def test_the_command_reports_a_full_disk_without_a_traceback(tmp_path, monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.saving, "save_weights", full)
    for name in "ab":
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(4):
            keras.utils.save_img(tmp_path / "data" / name / f"{number}.png", X[number])
    command = ["train", "A3", "--data", str(tmp_path / "data"), "--run-dir", str(tmp_path / "run")]
    for change in (
        *("network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=8", "rand_augment=None"),
    ):
        command += ["--set", change]
    assert main([*command, "--rescale", "8", "--save-every-steps", "3"]) == 1
    error = capsys.readouterr().err
    assert "No space left on device. The previous checkpoint is kept" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"save_every_steps": 0, "folder": "run"},
            "`save_every_steps` must be an integer of at least 1",
        ),
        ({"save_every_steps": 2}, "needs a `run_dir`"),
    ],
    ids=["save_every_steps", "run_dir"],
)
def test_invalid_arguments_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        fit(**options)
