"""ReaL labels, and folders whose classes are numbers: small sets, and the arithmetic by hand."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes import training
from keras_resnet_recipes.cli import main

RECIPE = krr.A3(
    network="ResNet20", epochs=1, warmup_epochs=0, batch_size=4, train_size=8, test_size=8
).replace(rand_augment=None, test_crop_ratio=1.0)
# Class 0 is dark, class 11 is bright: what the network below says of a grey.
GREYS = [20 * label + 10 for label in range(12)]


NAMES = tuple(f"n{label:08}" for label in range(12))


@pytest.fixture
def model():
    """The nearest of twelve greys: of g and the grey v the score is 2 g v - g^2."""
    greys = np.array(GREYS, "float32") / 255
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(12),
        ]
    )
    network.layers[-1].set_weights([np.tile(2 * greys / 3, (3, 1)), -(greys**2)])
    network.class_names = NAMES
    return network


def write(file, label):
    file.parent.mkdir(parents=True, exist_ok=True)
    grey = tf.fill((9, 8, 3), tf.cast(GREYS[label], tf.uint8))
    file.write_bytes(tf.io.encode_png(grey).numpy())


# What a picture shows, the class it stands for, and all its right classes, in the order of the numbers.
PICTURES = [
    (3, 3, [3]),
    (3, 4, [4, 3]),
    (5, 4, [4]),
    (5, 4, []),
    (9, 9, [1, 2]),
    (10, 10, [10, 11]),
    (0, 11, [11, 7, 0]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A validation folder: one subfolder a class, and the pictures' numbers in their names."""
    root = tmp_path_factory.mktemp("val")
    for label in range(12):
        (root / "val" / f"n{label:08}").mkdir(parents=True)
    for number, (shown, label, _) in enumerate(PICTURES, 1):
        write(root / "val" / f"n{label:08}" / f"ILSVRC2012_val_{number:08}.png", shown)
    (root / "real.json").write_text(json.dumps([right for *_, right in PICTURES]))
    return root


def evaluated(model, folder, data="val", recipe=RECIPE, real="real.json"):
    return recipe.evaluate(model, folder / data, real=folder / real, verbose=0)


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", ["one", "mirrored", "ten_crop"])
def test_the_best_class_among_the_labels_is_right(model, folder, kind):
    recipe = RECIPE.replace(test_views=kind, loss="categorical_crossentropy", target_threshold=None)
    result = evaluated(model, folder, recipe=recipe)
    plain = recipe.evaluate(model, folder / "val", verbose=0)
    # Shown is the class in 3 of 7; among the right ones in 4 of the 6 that have any.
    assert result["top1"] == pytest.approx(3 / 7, abs=1e-6)
    assert result["real_top1"] == pytest.approx(4 / 6, abs=1e-6)
    assert (result["images"], result["real_images"]) == (7, 6)
    assert {name: result[name] for name in plain} == pytest.approx(plain, rel=1e-5)


def test_a_part_of_the_pictures_and_an_unreadable_one(model, folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for number in (2, 6):
        next((tmp_path / "val").rglob(f"*_val_{number:08}.png")).unlink()
    # Another name of the same kind, as packages of the set use.
    file = next((tmp_path / "val").rglob("*_val_00000001.png"))
    file.rename(file.with_name("ILSVRC2012_val_00000001_n00000003.png"))
    assert evaluated(model, tmp_path)["real_top1"] == pytest.approx(2 / 4, abs=1e-6)
    for copy in range(100):
        shutil.copy(
            file.with_name("ILSVRC2012_val_00000001_n00000003.png"),
            file.parent / f"{copy}{file.name}",
        )
    file.write_bytes(b"broken")
    with pytest.warns(UserWarning, match="unreadable"):
        result = evaluated(model, tmp_path)
    assert result["real_images"] == 104


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            "[[1], [2]]",
            "must have labels for every picture: .*real.json' has 2, and .* the number 7",
        ),
        ("[[1], ", "`real` must be a JSON file; .*real.json' is none: Expecting value"),
        ('{"1": [1]}', "`real` must hold a list of lists of class numbers"),
        ("[1, 2, 3, 4, 5, 6, 7]", "`real` must hold a list of lists of class numbers"),
        ("[]", "`real` must hold a list of lists of class numbers"),
        ("[[1], [2, 12]]", r"within 0..11; .*real.json' has 12 for picture 2"),
        ("[[1], [true]]", "has True for picture 2"),
        (None, "`real` must be an existing JSON file; received .*real.json'"),
    ],
)
def test_labels_that_do_not_fit_are_named(model, folder, tmp_path, contents, message):
    if contents is not None:
        (tmp_path / "real.json").write_text(contents)
    with pytest.raises(ValueError, match=message):
        RECIPE.evaluate(model, folder / "val", real=tmp_path / "real.json", verbose=0)


def test_pictures_without_numbers_are_named(model, folder, tmp_path):
    write(tmp_path / "val" / "n00000000" / "cat.png", 0)
    for label in range(1, 12):
        (tmp_path / "val" / f"n{label:08}").mkdir()
    with pytest.raises(
        ValueError, match=r"such as ILSVRC2012_val_00000001.JPEG; received '.*cat.png'"
    ):
        RECIPE.evaluate(model, tmp_path / "val", real=folder / "real.json", verbose=0)
    arrays = np.zeros((4, 8, 8, 3), "uint8"), np.arange(4)
    with pytest.raises(ValueError, match="received 'image 0 of the arrays'"):
        RECIPE.evaluate(model, arrays, real=folder / "real.json", verbose=0)
    with pytest.raises(ValueError, match="`real` must be None with data_on_device=True"):
        krr.DAWNBench(classes=12).evaluate(model, arrays, real=folder / "real.json", verbose=0)
    stream = tf.data.Dataset.from_tensor_slices(arrays)
    with pytest.raises(ValueError, match="`real` needs pictures with file names"):
        RECIPE.evaluate(model, stream, real=folder / "real.json", verbose=0)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """As ImageNet-V2: a folder for each label, where "10" and "11" come before "2"."""
    root = tmp_path_factory.mktemp("v2") / "imagenetv2"
    for label in range(12):
        for picture in range(2):
            write(root / str(label) / f"{picture}.png", label)
    return root


@pytest.mark.parametrize("names", [None, NAMES], ids=bool)
def test_folders_named_by_number_are_labels(model, numbered, names, capsys):
    model.class_names = names
    result = RECIPE.evaluate(model, numbered, verbose=0)
    assert result["images"] == 24
    assert result["top1"] == 1.0
    said = "its folders, 0 to 11, are taken for the labels" in capsys.readouterr().out
    assert said == (names is not None)


def test_folders_whose_names_the_model_knows_are_read_by_name(model, numbered):
    """A model of the same names in another order keeps to them."""
    model.class_names = tuple(map(str, range(12)))[::-1]
    # All twelve are wrong: label 0 is now "11".
    assert RECIPE.evaluate(model, numbered, verbose=0)["top1"] == 0.0
    data = krr.data.from_folder(numbered)
    assert data.class_names == tuple(map(str, range(12)))
    assert data.labels.tolist() == sorted([*range(12)] * 2)


def test_a_prepared_folder_is_read_alike(model, numbered, tmp_path, capsys):
    krr.data.write_tfrecords(krr.data.from_folder(numbered), tmp_path / "prepared", verbose=0)
    assert RECIPE.evaluate(model, tmp_path / "prepared", verbose=0)["top1"] == 1.0
    assert "its classes, 0 to 11, are taken for the labels" in capsys.readouterr().out


def test_numbers_that_are_other_than_the_classes_are_strangers(numbered, tmp_path):
    with pytest.raises(ValueError, match="has the class '0', which training lacked"):
        krr.data.from_folder(numbered, class_names=("cat", "dog"))
    shutil.copytree(numbered, tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / "3")
    with pytest.raises(ValueError, match="has the class '0', which training lacked"):
        krr.data.from_folder(tmp_path / "some", class_names=[f"n{label}" for label in range(11)])


def test_the_command_prints_both_shares(model, folder, tmp_path, capsys, monkeypatch):
    RECIPE.replace(classes=12).to_json(tmp_path / "recipe.json")
    # A run of the network above: what is read of a run folder is not the matter here.
    monkeypatch.setattr(training, "load_run", lambda path, weights: model)
    command = ["evaluate", str(tmp_path), "--data", str(folder / "val")]
    assert main([*command, "--real", str(folder / "real.json")]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert "real_top1 0.6667" in line
    assert "real_images 6" in line
    assert main([*command, "--real", "none.json"]) == 2
    assert "`real` must be an existing JSON file; received 'none.json'" in capsys.readouterr().err
