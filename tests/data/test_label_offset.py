"""Labels that begin with 1, from every source of integer labels."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from tests.tiny import plain_recipe

X = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), "uint8")
Y = np.arange(12) % 3 + 1
RECIPE = plain_recipe(epochs=1, batch_size=4)


def npz(folder):
    np.savez(folder / "a.npz", x_train=X, y_train=Y, x_test=X[:4], y_test=Y[:4])
    return folder / "a.npz"


def csv(folder):
    for number, image in enumerate(X):
        Image.fromarray(image).save(folder / f"{number}.png")
    lines = (f"{number}.png,{label}\n" for number, label in enumerate(Y))
    (folder / "a.csv").write_text("".join(lines))
    return folder / "a.csv"


SOURCES = {
    "arrays": lambda folder: (X, Y),
    "npz": npz,
    "csv": csv,
    "pairs": lambda folder: [(image, int(label)) for image, label in zip(X, Y, strict=True)],
    "stream": lambda folder: iter_of([(X[:8], Y[:8]), (X[8:], Y[8:])]),
}


def iter_of(batches):
    class Iterable:
        def __iter__(self):
            return iter(batches)

    return Iterable()


@pytest.mark.parametrize("source", SOURCES)
def test_labels_begin_with_0(source, tmp_path):
    data = krr.data.from_source(SOURCES[source](tmp_path), label_offset=1)
    np.testing.assert_array_equal(data.all_labels, Y - 1)
    labels = [read()[1] for _, read in data.readers()]
    assert labels == (Y - 1).tolist()
    assert all(type(label) is int for label in labels)
    if source in ("arrays", "npz"):
        np.testing.assert_array_equal(data.arrays.labels, Y - 1)


def test_named_arrays_agree_on_the_device_too():
    images = dataclasses.replace(
        krr.data.from_arrays(X[:2], np.arange(2)), class_names=("dog", "cat")
    )
    agreed = krr.data.from_source(images, class_names=("cat", "dog"))
    assert agreed.labels.tolist() == agreed.arrays.labels.tolist() == [1, 0]


@pytest.mark.parametrize("offset", [-1, 1.0, True, "1"])
def test_illegal_offsets(offset):
    with pytest.raises(ValueError, match="`label_offset` must be an integer of at least 0"):
        krr.data.from_source((X, Y), label_offset=offset)


def test_smaller_labels_are_errors():
    message = "at most the smallest label of the arrays. Received: label_offset=2 for a label 1"
    with pytest.raises(ValueError, match=message):
        krr.data.from_source((X, Y), label_offset=2)
    pairs = krr.data.from_source(SOURCES["pairs"](None), label_offset=2)
    assert pairs.read(1)[1] == 0
    with pytest.raises(ValueError, match="label_offset=2 for a label 1"):
        pairs.read(0)


def test_class_names_need_no_offset(tmp_path):
    images = dataclasses.replace(krr.data.from_arrays(X, Y - 1), class_names=("a", "b", "c"))
    with pytest.raises(ValueError, match="must be 0 for data with class names"):
        krr.data.from_source(images, label_offset=1)


def test_messages_name_the_option(capsys):
    with pytest.raises(
        ValueError, match=r"within 0..2 for 3 classes. Received: 3. If labels are 1"
    ):
        RECIPE.replace(classes=3).fit((X, Y), verbose=0)
    krr.training.checks.resolved_classes(RECIPE, krr.data.from_source((X, Y)))
    assert "no image has a label below 1. If labels begin with 1, use" in capsys.readouterr().out


@pytest.mark.full
@pytest.mark.usefixtures("tiny_resnet20")
def test_commands(tmp_path, capsys):
    RECIPE.to_json(tmp_path / "recipe.json")
    options = ["--data", str(npz(tmp_path)), "--label-offset", "1"]
    run = str(tmp_path / "run")
    assert main(["train", str(tmp_path / "recipe.json"), "--run-dir", run, *options]) == 0
    assert krr.load_recipe(run).classes == 3
    capsys.readouterr()
    assert main(["evaluate", run, *options]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("images 4")
    assert main(["evaluate", run, *options[:2]]) == 2
    assert "--label-offset 1" in capsys.readouterr().err
