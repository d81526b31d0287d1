"""Class folders named by number, as in ImageNet-V2."""

import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr

RECIPE = krr.A3(
    network="ResNet20", epochs=1, warmup_epochs=0, batch_size=4, train_size=8, test_size=8
).replace(rand_augment=None, test_crop_ratio=1.0)
# Class 0 is dark, class 11 bright; the network below predicts the nearest gray level.
GRAYS = [20 * label + 10 for label in range(12)]
NAMES = tuple(f"n{label:08}" for label in range(12))


@pytest.fixture
def model():
    """Predicts the nearest of twelve gray levels: the score of level g for the gray value v is 2 g v - g^2."""
    grays = np.array(GRAYS, "float32") / 255
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(12),
        ]
    )
    network.layers[-1].set_weights([np.tile(2 * grays / 3, (3, 1)), -(grays**2)])
    network.class_names = NAMES
    return network


def write(file, label):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 9), (GRAYS[label],) * 3).save(file)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """One folder per label as in ImageNet-V2; sorted by name, "10" and "11" come before "2"."""
    root = tmp_path_factory.mktemp("v2") / "imagenetv2"
    for label in range(12):
        for number in range(2):
            write(root / str(label) / f"{number}.png", label)
    return root


@pytest.mark.parametrize("names", [None, NAMES], ids=bool)
def test_numbers_as_folder_names_are_labels(model, numbered, names, capsys):
    model.class_names = names
    result = RECIPE.evaluate(model, numbered, verbose=0)
    assert result["images"] == 24
    assert result["top1"] == 1.0
    reported = "its classes, 0 to 11, are used as labels" in capsys.readouterr().out
    assert reported == (names is not None)


def test_class_names_of_the_model_take_precedence(model, numbered):
    """The model has the same names in another order."""
    model.class_names = tuple(map(str, range(12)))[::-1]
    # All twelve are wrong: label 0 is now "11".
    assert RECIPE.evaluate(model, numbered, verbose=0)["top1"] == 0.0
    data = krr.data.from_folder(numbered)
    assert data.class_names == tuple(map(str, range(12)))
    assert data.labels.tolist() == sorted([*range(12)] * 2)


def test_prepared_folders_are_read_the_same_way(model, numbered, tmp_path, capsys):
    krr.data.write_prepared(krr.data.from_folder(numbered), tmp_path / "prepared", verbose=0)
    assert RECIPE.evaluate(model, tmp_path / "prepared", verbose=0)["top1"] == 1.0
    assert "its classes, 0 to 11, are used as labels" in capsys.readouterr().out


def test_numbers_that_do_not_match_the_classes_are_unknown_classes(numbered, tmp_path):
    with pytest.raises(ValueError, match="has the class '0', which is not a training class"):
        krr.data.from_folder(numbered, class_names=("cat", "dog"))
    shutil.copytree(numbered, tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / "3")
    with pytest.raises(ValueError, match="has the class '0', which is not a training class"):
        krr.data.from_folder(tmp_path / "some", class_names=[f"n{label}" for label in range(11)])
