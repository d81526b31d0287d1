"""The files of a run folder: complete at any moment, best and last kept apart."""

import json
import shutil

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import training
from keras_resnet_recipes.runs import RunFolder, checkpoints, read_log
from keras_resnet_recipes.runs.checkpoints import BEST, LAST, MANIFEST, Position, save, verified


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
    shutil.copy(tmp_path / LAST, tmp_path / "kept")
    train(model, folder, epochs=3, first=2)
    shutil.move(tmp_path / "kept", tmp_path / LAST)  # killed before the rename
    folder = RunFolder(tmp_path)
    assert folder.restore(model_of()).epochs == 2
    assert len(folder.rows) == 2


def test_best_weights_change_only_on_improvement(tmp_path):
    folder = RunFolder(tmp_path, monitor="score")
    model = model_of()
    folder.set_model(model)
    for epoch, score in enumerate([0.1, 0.5, 0.5, 0.3, 0.6]):
        folder.on_epoch_end(epoch, {"score": score})
        assert verified(tmp_path / BEST)["epochs"] == [1, 2, 2, 2, 5][epoch]
        assert verified(tmp_path / LAST)["epochs"] == epoch + 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "best.weights.h5",
        "checkpoints.json",
        "last.weights.h5",
        "log.csv",
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
            lambda folder: (folder / LAST).unlink(),
            "last.weights.h5' is missing, but checkpoints.json lists 2 saves of it. Put it back",
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


def scored(folder, epochs=1):
    """Trains a model that has best weights, and returns it."""
    run, model = RunFolder(folder, monitor="score"), model_of()
    run.set_model(model)
    for epoch in range(epochs):
        run.on_epoch_end(epoch, {"score": 0.5})
    return model


def test_best_weights_in_the_place_of_the_last_are_an_error(tmp_path):
    scored(tmp_path)
    shutil.copy(tmp_path / BEST, tmp_path / LAST)
    with pytest.raises(ValueError, match=r"last.weights.h5' is damaged, so the run cannot resume"):
        RunFolder(tmp_path).restore(model_of())


@pytest.mark.every_backend
def test_best_weights_are_loaded_without_an_optimizer(tmp_path):
    saved = scored(tmp_path)
    other = model_of(seed=1)
    before = [value.copy() for value in other.get_weights()]
    for ours, theirs in zip(
        checkpoints.weights_of(tmp_path / BEST, other), saved.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    plain.load_weights(tmp_path / BEST)
    np.testing.assert_array_equal(plain.get_weights()[0], saved.get_weights()[0])


@pytest.mark.parametrize("name", [BEST, LAST])
def test_a_disk_that_returns_other_bytes_keeps_the_earlier_file(tmp_path, monkeypatch, name):
    model = scored(tmp_path, epochs=2)
    kept = (tmp_path / name).read_bytes()
    read = checkpoints.read_back

    def wrong(path):
        contents = bytearray(read(path))
        contents[len(contents) // 2] ^= 1
        return memoryview(contents)

    monkeypatch.setattr(checkpoints, "read_back", wrong)
    with pytest.raises(OSError, match="returns other bytes than were written"):
        save(tmp_path / name, model, Position(epochs=3))
    assert (tmp_path / name).read_bytes() == kept
    assert verified(tmp_path / name)["epochs"] == (1 if name == BEST else 2)
    assert not list(tmp_path.glob("new.*"))


@pytest.mark.parametrize(
    ("recipe", "copies"), [(krr.A3(), 4), (krr.BagOfTricks(), 3)], ids=["LAMB", "SGD"]
)
def test_the_run_of_a_resnet_18_takes_at_most_180_mb(tmp_path, recipe, copies):
    recipe = recipe.replace(network="ResNet18", classes=10, gradient_accumulation_steps=1)
    model = training.build.compiled(recipe, training.build.network(recipe), replicas=1, steps=1)
    for name in (BEST, LAST):
        save(tmp_path / name, model, Position(epochs=1))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert size <= 180e6
    # Weights and moments in float32, and hardly anything else.
    assert size == pytest.approx(copies * 4 * model.count_params(), rel=0.02)
