"""Command-line options of experiments and seeds, without training."""

import json

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import experiments, main


@pytest.fixture
def fits(monkeypatch):
    """Records calls of a fake `Recipe.fit`, whose top-1 ends at 0.1 times the seed."""
    calls = []

    def fit(recipe, dataset, *, validation_data=None, run_dir=None, seed=0, **options):
        calls.append((recipe, dataset, validation_data, run_dir, seed))
        history = keras.callbacks.History()
        history.history = {"loss": [2.0, 1.0 + seed], "top1": [0.1, 0.2], "seconds": [3.0, 4.0]}
        if validation_data is not None:
            history.history["val_top1"] = [0.9, seed / 10]
        return history

    monkeypatch.setattr(krr.Recipe, "fit", fit)
    return calls


@pytest.mark.full
def test_each_seed_has_its_own_folder(fits, tmp_path, capsys):
    command = ["train", "A3", "--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    assert main([*command, "--set", "epochs=50", "--seed", "5", "--seeds", "3"]) == 0
    recipe = krr.A3(epochs=50)
    assert fits == [(recipe, "train", "val", tmp_path / f"seed-{seed}", seed) for seed in (5, 6, 7)]
    assert capsys.readouterr().out.splitlines()[-7:] == [
        f"seed 5: trained 2 epochs, loss 6.0000, top-1 0.5000 (best 0.9000 in epoch 1); run folder {tmp_path}/seed-5",
        f"seed 6: trained 2 epochs, loss 7.0000, top-1 0.6000 (best 0.9000 in epoch 1); run folder {tmp_path}/seed-6",
        f"seed 7: trained 2 epochs, loss 8.0000, top-1 0.7000 (best 0.9000 in epoch 1); run folder {tmp_path}/seed-7",
        "",
        "                   mean    standard deviation  minimum  maximum",
        "top-1, last epoch  0.6000  0.1000              0.5000   0.7000",
        "top-1, best epoch  0.9000  0.0000              0.9000   0.9000",
    ]
    found = json.loads((tmp_path / "results.json").read_text())
    assert [one["val_top1"] for one in found[0]["runs"]] == [0.5, 0.6, 0.7]


def test_without_validation_the_loss_is_printed(fits, capsys):
    assert main(["train", "A3", "--data", "train", "--seeds", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4] == "seed 1: trained 2 epochs, loss 2.0000"
    assert lines[-1].split() == ["loss,", "last", "epoch", "1.5000", "0.7071", "1.0000", "2.0000"]


def test_an_npz_file_provides_its_validation_images(fits, tmp_path):
    x, y = np.zeros((2, 8, 8, 3), "uint8"), np.arange(2)
    path = str(tmp_path / "data.npz")
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    command = ["ablate", "A3", "--data", path, "--run-dir", str(tmp_path / "runs"), "--row", "A3"]
    assert main(command) == 0
    assert fits == [(krr.A3(), path, path, tmp_path / "runs" / "a3" / "seed-0", 0)]


def test_one_seed_is_an_ordinary_run(fits, tmp_path, capsys):
    command = ["train", "A3", "--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    assert main([*command, "--seed", "3"]) == 0
    assert fits == [(krr.A3(), "train", "val", str(tmp_path), 3)]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("trained 2 epochs, loss 4.0000, top-1 0.3000")
    assert not list(tmp_path.iterdir())


@pytest.mark.full
def test_ablate_trains_each_row_with_each_seed(fits, tmp_path, capsys):
    command = ["ablate", "A2", "--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    command += ["--set", "epochs=10", "--rescale", "512", "--seed", "1", "--seeds", "2"]
    assert main([*command, "--row", "A2", "--row", "without random_resized_crop"]) == 0
    assert [(str(run_dir), seed) for *_, run_dir, seed in fits] == [
        (f"{tmp_path}/a2/seed-1", 1),
        (f"{tmp_path}/without-random-resized-crop/seed-1", 1),
        (f"{tmp_path}/a2/seed-2", 2),
        (f"{tmp_path}/without-random-resized-crop/seed-2", 2),
    ]
    assert fits[0][0] == krr.A2(epochs=10).rescaled(512)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["A2", "15.00", "7.07", "2"] in lines
    assert ["without", "random_resized_crop", "15.00", "7.07", "2", "+0.00"] in lines


@pytest.mark.full
def test_ablate_passes_the_teacher_to_all_rows(fits, tmp_path, monkeypatch):
    fit, teachers = krr.Recipe.fit, []

    def with_teacher(*arguments, teacher=None, **options):
        teachers.append(teacher == "the network of runs/teacher")
        return fit(*arguments, **options)

    monkeypatch.setattr(krr.Recipe, "fit", with_teacher)
    monkeypatch.setattr(experiments, "load_network", lambda path: f"the network of {path}")
    command = ["ablate", "A2", "--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    chosen = ["--row", "A2", "--row", "without rand_augment"]
    assert main([*command, *chosen, "--teacher", "runs/teacher"]) == 0
    assert teachers == [True, True]


def test_ablate_prints_the_difference(fits, tmp_path, capsys):
    command = ["ablate", "A2", "--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    assert main([*command, "--row", "A2", "--row", "without rand_augment"]) == 0
    assert [recipe for recipe, *_ in fits] == [krr.A2(), krr.A2(rand_augment=None)]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["A2", "0.00", "not", "measured", "1"] in lines
    assert ["without", "rand_augment", "0.00", "not", "measured", "1", "+0.00"] in lines


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["ablate", "A3", "--row", "without mixup"], "Did you mean `without mixup_alpha`"),
        (["ablate", "A3", "--seeds", "0"], "`--seeds` must be at least 1. Received: --seeds 0"),
    ],
)
def test_mistakes_are_reported_before_training(fits, tmp_path, capsys, command, message):
    options = ["--data", "train", "--val", "val", "--run-dir", str(tmp_path)]
    assert main([*command, *options]) == 2
    assert message in capsys.readouterr().err
    assert not fits
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", ["train", "missing.npz"])
def test_an_experiment_requires_validation_images(fits, tmp_path, capsys, data):
    assert main(["ablate", "A3", "--data", data, "--run-dir", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "`--val` or `--val-split` must be given" in message
    assert f"Received: --data '{data}'" in message
    assert not fits
