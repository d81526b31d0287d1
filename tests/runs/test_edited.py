"""Edited and exchanged files of a run folder, and data that changed, are errors that name what is wrong."""

import json
import shutil

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.report.folder import read_run
from keras_resnet_recipes.runs import checkpoints
from keras_resnet_recipes.runs.log import read_log
from tests.runs.same_run import StopAt, StoppedError
from tests.runs.test_callbacks import Scores
from tests.runs.test_resume import RECIPE, X, copy, fit, network, whole  # noqa: F401


def edited(change):
    def edit(folder):
        lines = (folder / "log.csv").read_text().splitlines(keepends=True)
        (folder / "log.csv").write_text("".join(change(lines)))

    return edit


def without_column(lines):
    return [",".join(line.split(",")[:-1]) + "\n" for line in lines]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (without_column, "log.csv' is not as the run wrote it"),
        (lambda lines: [lines[0], lines[1].replace("0.", "0.9", 1), *lines[2:]], "is not as"),
        (lambda lines: [*lines[:-1], lines[-1][:-4]], "its last line is cut off"),
        (lambda lines: [*lines[:-1], lines[-1][:-4] + "\n"], "is not as the run wrote it"),
        (lambda lines: [*lines[:-1], lines[-1].strip() + ",7\n"], r"row 2 has \d+ cells for"),
        (lambda lines: [lines[0], lines[2]], "row 1 must have the epoch 0"),
        (lambda lines: [], "log.csv' is not the log of a run"),
    ],
    ids=["column", "number", "cut", "cut number", "cells", "row", "empty"],
)
def test_an_edited_log_is_an_error(copy, edit, message):  # noqa: F811
    edited(edit)(copy)
    with pytest.raises(ValueError, match=message):
        fit(copy)


def test_a_log_without_weights_is_an_error(copy):  # noqa: F811
    for file in copy.glob("*.h5"):
        file.unlink()
    (copy / checkpoints.MANIFEST).unlink()
    with pytest.raises(ValueError, match="has no checkpoint, but the log of a run"):
        fit(copy)


def test_missing_best_weights_are_an_error(copy):  # noqa: F811
    (copy / checkpoints.BEST).unlink()
    with pytest.raises(ValueError, match=r"best.weights.h5' is missing; put the file back"):
        fit(copy)
    # Silently, the last weights would be taken instead.
    (copy / "run.json").write_text((copy / "run.json").read_text().replace("true", "false", 1))
    with pytest.raises(ValueError, match=r"best.weights.h5' is missing. .* weights='last'"):
        krr.load_run(copy)


def narrow():
    model = network()
    return keras.Sequential([*model.layers[:-1], keras.layers.Dense(2, use_bias=False)])


def deep():
    model = network()
    return keras.Sequential([keras.layers.Conv2D(3, 1), *model.layers])


@pytest.mark.every_backend
@pytest.mark.parametrize("make", [narrow, deep])
def test_weights_of_another_network_are_an_error_of_one_line(copy, make):  # noqa: F811
    model = make()
    model.build((None, 8, 8, 3))
    before = [value.copy() for value in model.get_weights()]
    with pytest.raises(ValueError, match=r"last.weights.h5' has the weights of another") as error:
        RECIPE.fit((X, np.arange(40) % 2), model=model, validation_data=(X, np.arange(40) % 2),
                   run_dir=copy, verbose=0)  # fmt: skip
    assert len(str(error.value).splitlines()) == 1
    # Nothing of the file was loaded.
    for kept, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


@pytest.mark.parametrize(
    "change", [{"epochs": -5}, {"batches": -1}, {"batches": 99}, {"epochs": 99}, {"seeds": [1]}]
)
def test_hostile_positions_are_errors(copy, change):  # noqa: F811
    file = copy / checkpoints.MANIFEST
    manifest = json.loads(file.read_text())
    for entry in manifest["checkpoints"]:
        entry.update(change)
        entry["check"] = checkpoints._check(entry)
    file.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"(checkpoints.json|last.weights.h5|log.csv)'"):
        fit(copy)


def photographs(folder, classes=("cat", "dog")):
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 256, (8, 8, 3))
            keras.utils.save_img(folder / name / f"{number}.png", pixels, scale=False)
    return folder


def renamed(folder):
    (folder / "cat" / "3.png").rename(folder / "cat" / "33.png")


def moved(folder):
    (folder / "cat" / "3.png").rename(folder / "dog" / "33.png")
    (folder / "dog" / "4.png").rename(folder / "cat" / "44.png")


def swapped(folder):
    (folder / "cat" / "3.png").rename(folder / "dog" / "8.png")


def replaced(folder):
    keras.utils.save_img(folder / "dog" / "3.png", np.zeros((8, 8, 3)), scale=False)


def train(data, run, **options):
    return RECIPE.fit(data, model=network(), run_dir=run, verbose=0, **options)


@pytest.fixture(scope="module")
def photographed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    train(photographs(folder / "data"), folder / "run")
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "Received: other names in class 'cat'"),
        (moved, "Received: other names in class 'cat'; other names in class 'dog'"),
        (swapped, "7 images instead of 8 in class 'cat'; 9 images instead of 8 in class 'dog'"),
        (replaced, "Received: other contents in class 'dog'"),
    ],
)
def test_changed_photographs_are_an_error_that_says_what_changed(
    photographed, tmp_path, change, message
):
    # Another place is no change.
    for name in ("data", "run"):
        shutil.copytree(photographed / name, tmp_path / name)
    train(tmp_path / "data", tmp_path / "run")
    change(tmp_path / "data")
    with pytest.raises(ValueError, match=message) as error:
        train(tmp_path / "data", tmp_path / "run")
    assert "--accept-changed-data" in str(error.value)
    train(tmp_path / "data", tmp_path / "run", accept_changed_data=True)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["data_changed_after_epochs"] == [2]
    train(tmp_path / "data", tmp_path / "run")
    page = krr.report.write_report(tmp_path / "run").read_text()
    assert "The data changed after epoch 2." in page


def test_changed_arrays_are_an_error(copy):  # noqa: F811
    other = X.copy()
    other[7, 0, 0, 0] ^= 1
    labels = np.arange(40) % 2
    with pytest.raises(ValueError, match=r"`dataset` must be the data .* contents in class '1'"):
        train((other, labels), copy, validation_data=(X, labels))
    with pytest.raises(ValueError, match="`validation_data` must be the data"):
        train((X, labels), copy, validation_data=(other, labels))


def test_the_best_epoch_is_one_on_the_present_validation_data(tmp_path):
    labels = np.arange(40) % 2
    callbacks = [Scores(0.9, 0.9, 0.5, 0.4), StopAt(2, 0)]
    options = {"validation_data": (X, labels), "callbacks": callbacks}
    run = tmp_path / "run"
    recipe = RECIPE.replace(epochs=4)
    with pytest.raises(StoppedError):
        recipe.fit((X, labels), model=network(), run_dir=run, verbose=0, **options)
    options = {"validation_data": (255 - X, labels), "callbacks": [Scores(0.9, 0.9, 0.5, 0.4)]}
    again = {"accept_changed_data": True, "verbose": 0}
    recipe.fit((X, labels), model=network(), run_dir=run, **again, **options)
    best = checkpoints.verified(run / checkpoints.BEST)
    assert best["epochs"] == 3
    assert read_run(run).best["epoch"] == 2


@pytest.mark.full
def test_the_command_accepts_changed_data(tmp_path, capsys):
    data = photographs(tmp_path / "data")
    command = ["train", "A3", "--data", str(data), "--run-dir", str(tmp_path / "run")]
    for change in ("network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=8"):
        command += ["--set", change]
    command += ["--set", "rand_augment=None", "--rescale", "8"]
    assert main(command) == 0
    renamed(data)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "other names in class 'cat'" in error
    assert "Traceback" not in error
    assert main([*command, "--accept-changed-data"]) == 0
    assert len(read_log(tmp_path / "run")) == 1
