"""What users of Keras, timm and torch type by habit is understood, or an error that says what to write here."""

import dataclasses
import importlib
import re

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes import distribution
from keras_resnet_recipes.applications import published
from keras_resnet_recipes.cli import main

X = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), "uint8")
Y = np.arange(8) % 2
RECIPE = krr.A3()


@pytest.mark.parametrize(
    ("argument", "instead"),
    [
        ({"epochs": 3}, "recipe.shortened(3).fit(data)"),
        ({"lr": 0.1}, "recipe.replace(learning_rate=0.1).fit(data)"),
        ({"weight_decay": 0.1}, "recipe.replace(weight_decay=0.1).fit(data)"),
        ({"optimizer": "sgd"}, "recipe.replace(optimizer=...).fit(data)"),
        ({"loss": "mse"}, "recipe.replace(loss=...).fit(data)"),
        ({"batch_size": 32}, "recipe.rescaled(32).fit(data) scales the learning rate"),
        ({"validation_split": 0.2}, "krr.data.split(data, 0.2)"),
        ({"class_weight": {0: 1.0}}, "recipe.replace(class_weights='balanced').fit(data)"),
        ({"shuffle": False}, "Training images are always shuffled"),
        ({"validation_dat": 3}, "Did you mean `validation_data`?"),
        ({"workers": 3}, "Its arguments are dataset, model, validation_data"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_of_fit_in_keras(argument, instead):
    with pytest.raises(ValueError, match=rf"`fit` has no `{next(iter(argument))}`\. ") as error:
        RECIPE.fit((X, Y), **argument)
    assert instead in str(error.value)


def test_images_and_labels_are_one_argument():
    pair = re.escape("Give images and labels as one pair: recipe.fit((x, y)).")
    with pytest.raises(ValueError, match=f"`dataset` must be one argument.*2 positional.*{pair}"):
        RECIPE.fit(X, Y)
    with pytest.raises(ValueError, match=f"`fit` has no `x`. {pair}"):
        RECIPE.fit(x=X, y=Y)


def test_string_labels():
    labels = np.array(["cat", "dog"] * 4)
    with pytest.raises(
        ValueError, match=r"Received: 'cat' among them. Number the classes: "
    ) as error:
        RECIPE.fit((X, labels))
    assert "names, labels = np.unique(labels, return_inverse=True)" in str(error.value)
    # The advice works.
    names, numbers = np.unique(labels, return_inverse=True)
    assert krr.data.from_source((X, numbers)).labels.tolist() == [0, 1] * 4
    assert names.tolist() == ["cat", "dog"]


def test_a_recipe_cannot_be_assigned_to():
    recipe = krr.A3()
    with pytest.raises(dataclasses.FrozenInstanceError) as error:
        recipe.epochs = 3
    assert str(error.value) == (
        "`epochs` cannot be assigned, because a recipe does not change. Write recipe = recipe.replace(epochs=3)."
    )
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"recipe.replace\(optimizer=...\)"):
        recipe.optimizer = keras.optimizers.Adam()
    assert recipe == krr.A3()


@pytest.mark.parametrize(
    ("name", "here"),
    {
        **{"lr": "learning_rate", "opt": "optimizer", "wd": "weight_decay", "bs": "batch_size"},
        **{"warmup": "warmup_epochs", "num_classes": "classes", "model": "network"},
        **{"image_size": "train_size", "img_size": "train_size", "sched": "schedule"},
        **{
            "smoothing": "label_smoothing",
            "mixup": "mixup_alpha",
            "min_lr": "minimum_learning_rate",
        },
        **{
            "drop_path": "drop_path_rate",
            "clip_grad": "gradient_clip",
            "aug_repeats": "repeated_augmentation",
        },
    }.items(),
)
def test_names_of_timm_torch_and_keras(name, here):
    with pytest.raises(ValueError, match=rf"`A1` has no `{name}`. Did you mean `{here}`\?"):
        krr.A1(**{name: 1})


RATES = keras.optimizers.schedules.CosineDecay(0.1, 100)


@pytest.mark.parametrize(
    ("make", "instead"),
    [
        (lambda: krr.recipe.Lamb(RATES), "krr.A1(schedule=CosineDecay(...), learning_rate=None,"),
        (
            lambda: krr.recipe.Lamb(learning_rate=RATES),
            "krr.A1(schedule=CosineDecay(...), learning_rate=None,",
        ),
        (lambda: krr.recipe.SGD(lr=0.5), "krr.A1(learning_rate=0.5, optimizer=SGD())"),
        (
            lambda: krr.A1(optimizer=krr.optimizers.Lamb(RATES)),
            "schedule=CosineDecay(...), learning_rate=None",
        ),
        (
            lambda: krr.A1(optimizer=keras.optimizers.Adam(0.5)),
            "learning_rate=0.5, optimizer=Adam()",
        ),
        (lambda: krr.A1(learning_rate=RATES), "schedule=CosineDecay(...), learning_rate=None"),
        (lambda: krr.A1(schedule=RATES), "schedule=..., learning_rate=None"),
    ],
    ids=["positional", "named", "lr", "keras schedule", "keras rate", "field", "both"],
)
def test_a_learning_rate_in_the_optimizer(make, instead):
    with pytest.raises(ValueError, match=r"learning_rate|learning rate") as error:
        make()
    assert instead in str(error.value)
    # The advice works.
    assert krr.A1(schedule=RATES, learning_rate=None, optimizer=krr.recipe.Lamb())


@pytest.mark.parametrize("name", ["rand_augment", "aa"])
def test_a_string_of_timm_for_rand_augment(name):
    with pytest.raises(ValueError, match=r"rand-m9-mstd0\.5-inc1") as error:
        krr.A1(**{name: "rand-m9-mstd0.5-inc1"})
    meant = krr.augment.RandAugment(magnitude=9.0, std=0.5)
    assert "rand_augment=RandAugment(magnitude=9.0, std=0.5)" in str(error.value)
    assert krr.A1(rand_augment=meant).rand_augment_magnitude == 9


def test_imagenet_is_the_default_of_timm(capsys):
    found = published.find("ResNet50", "imagenet")
    assert found.tag == "a1_in1k"
    assert "`weights`: 'imagenet' is 'a1_in1k' of ResNet50" in capsys.readouterr().err
    for network in {row.network for row in published.table()}:
        assert published.find(network, "imagenet").default
    with pytest.raises(ValueError, match="there are none"):
        published.find("ResNet20", "imagenet")


def shown(capsys, *options):
    assert main(["show", "A3", *options]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_options_for_values_of_the_recipe(capsys):
    # The warm-up of five epochs would not fit if the epochs were changed first.
    assert " epochs 3 (100 in A3)" in shown(capsys, "--epochs", "3", "--set", "warmup_epochs=0")
    for option in ("--batch-size", "--rescale"):
        assert "learning_rate 0.004 (0.008 in A3)" in shown(capsys, option, "512")
    for option in ("--lr", "--learning-rate"):
        assert " learning_rate 0.25 (0.008 in A3)" in shown(capsys, option, "0.25")
    assert " weights a1_in1k (random in A3)" in shown(capsys, "--weights", "a1_in1k")
    assert main(["show", "A3", "--set", "lr=0.1"]) == 2
    assert "Did you mean `learning_rate`?" in capsys.readouterr().err


def test_tflite_is_litert(tmp_path, capsys):
    out = str(tmp_path / "m.onnx")
    assert main(["export", "none", "--to", "tflite", "--out", out]) == 2
    assert "`MODEL` must be an existing run folder" in capsys.readouterr().err


@pytest.mark.every_backend
def test_an_unused_gpu_is_a_hint(tmp_path, monkeypatch):
    # The package has a function of the module's name.
    scope = importlib.import_module("keras_resnet_recipes.distribution.scope")
    monkeypatch.setattr(scope, "_DEVICES", tmp_path)
    monkeypatch.setattr(scope, "accelerators", list)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "nvidiactl").touch()
    assert distribution.unused_accelerator() is None
    (tmp_path / "nvidia0").touch()
    install = {
        "tensorflow": "pip install 'tensorflow[and-cuda]'",
        "jax": "pip install 'jax[cuda]'",
        "torch": "install torch with CUDA",
    }
    hint = distribution.unused_accelerator()
    assert install[keras.backend.backend()] in hint
    assert "\n" not in hint
    monkeypatch.setattr(scope, "accelerators", lambda: ["gpu:0"])
    assert distribution.unused_accelerator() is None
    monkeypatch.setattr(scope, "accelerators", list)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert distribution.unused_accelerator() is None


@pytest.mark.usefixtures("tiny_resnet20")
def test_fit_warns_of_an_unused_gpu(monkeypatch):
    monkeypatch.setattr(distribution, "unused_accelerator", lambda: "a GPU is unused")
    small = {"epochs": 1, "warmup_epochs": 0, "batch_size": 4, "rand_augment": None}
    recipe = krr.A3(network="ResNet20", train_size=16, test_size=16, **small)
    with pytest.warns(UserWarning, match="a GPU is unused") as caught:
        recipe.fit((X, Y), verbose=0)
    assert caught[0].filename == __file__
