"""The files of a run folder: complete at any moment, best and last kept apart."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_resnet_recipes.runs import RunFolder, read_log
from keras_resnet_recipes.runs.checkpoints import LAST, MANIFEST, PREVIOUS, Position, load


def model_of(seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def train(model, folder, epochs, first=0):
    x = np.arange(8.0).reshape(4, 2)
    model.fit(
        x,
        x[:, :1],
        epochs=epochs,
        initial_epoch=first,
        verbose=0,
        callbacks=[folder],
        shuffle=False,
    )


@pytest.mark.every_backend
def test_a_restored_run_equals_an_uninterrupted_one(tmp_path):
    whole = model_of()
    train(whole, RunFolder(tmp_path, monitor="none"), epochs=4)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    train(model_of(), RunFolder(tmp_path), epochs=2)
    resumed, folder = model_of(seed=1), RunFolder(tmp_path)
    assert folder.restore(resumed).epochs == 2
    train(resumed, folder, epochs=4, first=2)
    # float32 sums of a few terms
    np.testing.assert_allclose(resumed.get_weights()[0], whole.get_weights()[0], rtol=1e-6)
    assert [row["epoch"] for row in read_log(tmp_path)] == [0, 1, 2, 3]
    assert folder.history()[0] == [0, 1, 2, 3]


def test_an_empty_folder_restores_nothing(tmp_path):
    assert RunFolder(tmp_path).restore(model_of()) == Position()


def test_a_log_row_without_its_weights_is_dropped(tmp_path):
    model, folder = model_of(), RunFolder(tmp_path)
    train(model, folder, epochs=2)
    for name in (LAST, PREVIOUS):
        shutil.copy(tmp_path / name, tmp_path / f"kept.{name}")
    train(model, folder, epochs=3, first=2)
    for name in (LAST, PREVIOUS):  # killed before the rename
        shutil.move(tmp_path / f"kept.{name}", tmp_path / name)
    folder = RunFolder(tmp_path)
    assert folder.restore(model_of()).epochs == 2
    assert len(folder.rows) == 2


def test_best_weights_change_only_on_improvement(tmp_path):
    folder = RunFolder(tmp_path, monitor="score")
    model = model_of()
    folder.set_model(model)
    for epoch, score in enumerate([0.1, 0.5, 0.5, 0.3, 0.6]):
        folder.on_epoch_end(epoch, {"score": score})
        assert load(tmp_path / "best.weights.h5", model).epochs == [1, 2, 2, 2, 5][epoch]
        assert load(tmp_path / "last.weights.h5", model).epochs == epoch + 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "best.weights.h5",
        "checkpoints.json",
        "last.weights.h5",
        "log.csv",
        "previous.weights.h5",
    ]


def test_the_log_keeps_all_digits(tmp_path):
    folder = RunFolder(tmp_path)
    folder.set_model(model_of())
    values = {"loss": 0.1 + 0.2, "learning_rate": 1e-6 / 3}
    folder.on_epoch_end(0, values)
    assert read_log(tmp_path) == [{"epoch": 0, **values}]


def damaged_manifest(change):
    def damage(folder):
        file = folder / MANIFEST
        manifest = json.loads(file.read_text())
        change(manifest["checkpoints"][0])
        file.write_text(json.dumps(manifest))

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), r"checkpoints.json' is missing"),
        (lambda folder: (folder / MANIFEST).write_text("{"), r"checkpoints.json' is damaged"),
        (damaged_manifest(lambda entry: entry.update(epochs=-1)), "checkpoints.json' is damaged"),
        (damaged_manifest(lambda entry: entry.update(seeds=None)), "checkpoints.json' is damaged"),
        (damaged_manifest(lambda entry: entry.pop("batches")), "checkpoints.json' is damaged"),
        (
            lambda folder: [(folder / name).unlink() for name in (LAST, PREVIOUS)],
            "has neither last.weights.h5 nor previous.weights.h5, but .* lists 2 checkpoints",
        ),
    ],
    ids=["missing", "truncated", "epochs", "seeds", "batches", "no weights"],
)
def test_damaged_folders_are_errors(tmp_path, damage, message):
    model = model_of()
    train(model, RunFolder(tmp_path), epochs=2)
    damage(tmp_path)
    with pytest.raises(ValueError, match=message):
        RunFolder(tmp_path).restore(model_of())


def test_swapped_checkpoints_are_told_apart(tmp_path):
    train(model_of(), RunFolder(tmp_path), epochs=3)
    (tmp_path / LAST).rename(tmp_path / "aside")
    (tmp_path / PREVIOUS).rename(tmp_path / LAST)
    (tmp_path / "aside").rename(tmp_path / PREVIOUS)
    with pytest.warns(UserWarning, match="the previous checkpoint is used"):
        assert RunFolder(tmp_path).restore(model_of()).epochs == 3
