"""The command `krr finetune` and its preset."""

import csv

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications import hub
from keras_resnet_recipes.cli import main

pytestmark = pytest.mark.usefixtures("tiny_resnet20")
SMALL = ["--network", "ResNet20", "--set", "train_size=8", "--set", "test_size=8"]
SMALL += ["--set", "epochs=2", "--set", "warmup_epochs=0"]


def _photos(folder, parts=("",)):
    rng = np.random.default_rng(0)
    for part in parts:
        for number in range(40):
            file = folder / part / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 100, (10, 10, 3)) + 100 * (number % 2)
            Image.fromarray(pixels.astype("uint8")).save(file)
    return folder


def _listed(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_folder_of_photographs_is_enough(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    assert main(["finetune", "photos", "--from-scratch", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "Training on 32 images, validating on 8, 20 % of each class." in out
    assert "krr predict runs/photos" in out
    rows = _listed(tmp_path / "runs/photos/validation.csv")
    assert sorted(row["label"] for row in rows) == ["a"] * 4 + ["b"] * 4
    # The list is a data set, on which the best epoch has the logged accuracy.
    best = max(float(row["val_top1"]) for row in _listed(tmp_path / "runs/photos/log.csv"))
    model = krr.load_run("runs/photos")
    recipe = krr.load_recipe("runs/photos")
    listed = recipe.evaluate(model, "runs/photos/validation.csv", verbose=0)
    assert listed["top1"] == pytest.approx(best, abs=1e-6)
    # The same command returns the finished run.
    assert main(["finetune", "photos", "--from-scratch", *SMALL]) == 0


def test_weights_of_a_run_bring_their_network_and_size(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "old")
    _photos(tmp_path / "new")
    assert main(["finetune", "old", "--from-scratch", *SMALL]) == 0
    assert main(["finetune", "new", "--weights", "runs/old", *SMALL[-4:]]) == 0
    recipe = krr.load_recipe("runs/new")
    assert (recipe.network, recipe.train_size, recipe.test_size) == ("ResNet20", 8, 8)
    assert recipe.weights == "runs/old"


def test_test_images_are_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos", ("train", "test"))
    assert main(["finetune", "photos", "--from-scratch", *SMALL]) == 0
    assert "the test images of 'photos' are left for `krr evaluate`" in capsys.readouterr().out
    assert all("/train/" in row["path"] for row in _listed(tmp_path / "runs/photos/validation.csv"))


def test_given_validation_images_are_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos", ("train", "val"))
    assert main(["finetune", "photos", "--from-scratch", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "using the validation images of 'photos'" in out
    assert "krr report runs/photos --data photos\n" in out
    assert not (tmp_path / "runs/photos/validation.csv").exists()


def test_another_fraction_for_train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    small = ["--set", "network=ResNet20", "--set", "train_size=8", "--set", "test_size=8"]
    small += ["--rescale", "8", "--set", "epochs=1", "--set", "warmup_epochs=0"]
    command = ["train", "A3", "--data", "photos", "--run-dir", "run", *small]
    assert main([*command, "--val-split", "0.5"]) == 0
    assert len(_listed(tmp_path / "run/validation.csv")) == 20
    assert main([*command, "--val-split", "0.5", "--val", "photos"]) == 2
    assert "`--val-split` must not be given with --val" in capsys.readouterr().err
    assert main([*command, "--val-split", "20"]) == 2
    assert "`fraction` must be between 0 and 1" in capsys.readouterr().err


@pytest.mark.full
def test_without_the_hub_the_alternatives_are_named(tmp_path, monkeypatch, capsys):
    def unreachable(repository):
        raise ConnectionError(f"{repository} could not be downloaded")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "download", unreachable)
    _photos(tmp_path / "photos")
    small = ["--network", "ResNet18", "--set", "train_size=32", "--set", "test_size=32"]
    assert main(["finetune", "photos", *small]) == 2
    error = capsys.readouterr().err
    assert "timm/resnet18.a1_in1k could not be downloaded" in error
    assert "--weights FILE" in error
    assert "--from-scratch" in error


def test_weights_contradict_from_scratch(tmp_path, capsys):
    assert main(["finetune", str(tmp_path), "--from-scratch", "--weights", "a1_in1k"]) == 2
    assert "`--weights` must not be given with --from-scratch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "epochs", "batch", "mixed"),
    [
        (16, 20, 16, False),
        (240, 20, 16, False),
        (5_000, 20, 128, False),
        (19_999, 20, 256, False),
        (20_000, 10, 256, True),
        (1_281_167, 10, 256, True),
    ],
)
def test_the_preset_fits_the_number_of_images(images, epochs, batch, mixed):
    preset = krr.FineTune.for_images(images)
    assert (preset.epochs, preset.batch_size, preset.mixes) == (epochs, batch, mixed)
    assert preset.weights == "a1_in1k"
    assert (preset.optimizer, preset.learning_rate) == (krr.recipe.AdamW(weight_decay=0.05), 1e-4)
    assert preset.groups == (krr.recipe.Group(on="classifier", learning_rate_factor=10.0),)
    scratch = krr.FineTune.for_images(images, pretrained=False)
    assert (scratch.weights, scratch.epochs, scratch.warmup_epochs) == (None, 5 * epochs, 5)
    assert (scratch.optimizer, scratch.learning_rate) == (krr.FineTune().optimizer, 0.01)


@pytest.mark.parametrize("images", [0, 15, 2.5, None, "240"])
def test_illegal_numbers_of_images(images):
    with pytest.raises(ValueError, match="`images` must be an integer of at least 16"):
        krr.FineTune.for_images(images)


def test_validation_images_next_to_the_folder_are_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path, ("train", "val"))
    assert main(["finetune", "train", "--from-scratch", *SMALL]) == 0
    assert "using the validation images of '.'" in capsys.readouterr().out
    assert krr.load_recipe("runs/train").classes == 2


@pytest.mark.parametrize("fraction", ["0", "1.5", "-1"])
def test_illegal_fractions_are_errors(fraction, tmp_path, capsys):
    _photos(tmp_path / "photos")
    command = ["finetune", str(tmp_path / "photos"), "--from-scratch", *SMALL]
    assert main([*command, "--val-split", fraction]) == 2
    assert "`fraction` must be between 0 and 1" in capsys.readouterr().err


def test_too_few_images_are_an_error(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for number in range(12):
        file = tmp_path / "few" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8")).save(file)
    assert main(["finetune", str(tmp_path / "few"), "--from-scratch", *SMALL]) == 2
    assert (
        "`DATA` must have at least 16 images to train on. Received: 10" in capsys.readouterr().err
    )


def test_several_labels_get_a_binary_cross_entropy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    files = sorted((tmp_path / "photos").rglob("*.png"))
    lines = [f"{file},{file.parent.name},{'wide' if n % 3 else ''}" for n, file in enumerate(files)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,label", *lines]))
    assert main(["finetune", "labels.csv", "--from-scratch", *SMALL]) == 0
    assert krr.load_recipe("runs/labels").loss == krr.recipe.BinaryCrossentropy()
    rows = _listed(tmp_path / "runs/labels/log.csv")
    assert 0 <= float(rows[-1]["val_mean_average_precision"]) <= 1
    # The list of validation images is a data set of several labels.
    model, recipe = krr.load_run("runs/labels", "last"), krr.load_recipe("runs/labels")
    found = recipe.evaluate(model, "runs/labels/validation.csv", verbose=0)
    logged = float(rows[-1]["val_mean_average_precision"])
    assert found["mean_average_precision"] == pytest.approx(logged, abs=1e-6)
