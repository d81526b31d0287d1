"""Training from pretrained weights: loading, freezing, and resuming without the original file."""

import argparse
import dataclasses

import keras
import numpy as np
import pytest
import torch

import keras_resnet_recipes as krr
from keras_resnet_recipes import applications, training
from keras_resnet_recipes.applications import published
from keras_resnet_recipes.applications.freezing import freeze
from keras_resnet_recipes.applications.weights import timm_state
from keras_resnet_recipes.training import build, pretrained
from tests.runs.same_run import without_times
from tests.tiny import tiny_resnet20

RECIPE = krr.FineTune(
    network="ResNet20",
    classes=3,
    epochs=2,
    warmup_epochs=0,
    cooldown_epochs=0,
    batch_size=8,
    train_size=8,
    test_size=8,
    rand_augment=None,
    precision="float32",
)
X = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), "uint8")
DATA = X, np.arange(16) % 3


@pytest.fixture(scope="module")
def trained():
    """A network of ten classes whose weights all differ from their initial values."""
    model = applications.ResNet20()
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.uniform(1e-3, 1e-2, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def files(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    trained.save_weights(folder / "a.weights.h5")
    trained.save(folder / "a.keras")
    applications.save_timm_weights(trained, folder / "a.safetensors")
    state = {key: torch.tensor(array) for key, array in timm_state(trained).items()}
    arguments = argparse.Namespace(model="resnet20", lr=0.1)
    torch.save({"state_dict": state, "args": arguments}, folder / "a.pth.tar")
    return folder


@pytest.fixture
def tiny():
    with tiny_resnet20():
        yield


def equal(one, other):
    return [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]


@pytest.mark.parametrize("name", ["a.weights.h5", "a.keras", "a.safetensors", "a.pth.tar"])
def test_every_file_format_loads_all_but_a_new_classifier(files, trained, name, capsys):
    for classes, end in ((10, None), (3, -2)):
        recipe = RECIPE.replace(weights=str(files / name), classes=classes)
        model = build.network(recipe)
        pretrained.load(model, recipe, run_dir=None)
        loaded = equal(model.get_weights()[:end], trained.get_weights()[:end])
        assert all(loaded)
        assert ("the classifier of 3 classes is new" in capsys.readouterr().out) == (classes == 3)


def test_a_file_without_classifier(files, trained):
    features = applications.ResNet20(include_top=False)
    features.set_weights(trained.get_weights()[:-2])
    for name in ("features.weights.h5", "features.safetensors"):
        path = str(files / name)
        if name.endswith("h5"):
            features.save_weights(path)
        else:
            applications.save_timm_weights(features, path)
        recipe = RECIPE.replace(weights=path)
        model = build.network(recipe)
        pretrained.load(model, recipe, run_dir=None)
        assert all(equal(model.get_weights()[:-2], trained.get_weights()[:-2]))


def test_published_weights(trained, tmp_path, monkeypatch):
    ten = applications.ResNet10T(classes=1000)
    applications.save_timm_weights(ten, tmp_path / "ten.safetensors")
    monkeypatch.setattr(published, "download", lambda repository: tmp_path / "ten.safetensors")
    recipe = RECIPE.replace(network="ResNet10T", weights="c3_in1k")
    model = build.network(recipe)
    pretrained.load(model, recipe, run_dir=None)
    assert all(equal(model.get_weights()[:-2], ten.get_weights()[:-2]))

    # Hypothetical weights: a run folder would not record their normalization.
    row = published.find("ResNet10T", "c3_in1k")
    monkeypatch.setattr(
        published, "find", lambda *_: row.__class__(**{**vars(row), "mean": (1, 2, 3)})
    )
    with pytest.raises(ValueError, match=r"with another mean or variance.* as `model`"):
        pretrained.load(model, recipe, run_dir=None)


def test_a_run_needs_its_pretrained_weights_only_at_the_start(tiny, tmp_path):
    """Without the file, the run resumes with the same bits and is loaded; another run starts from the run folder."""
    source = tmp_path / "mine.weights.h5"
    applications.ResNet20().save_weights(source)
    recipe = RECIPE.replace(weights=str(source), frozen_stages=2, ema=krr.recipe.EMA(decay=0.5))
    options = {"verbose": 0}
    whole = recipe.fit(DATA, run_dir=tmp_path / "whole", **options)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        recipe.fit(DATA, run_dir=tmp_path / "run", callbacks=[Stop()], **options)
    source.unlink()
    resumed = recipe.fit(DATA, run_dir=tmp_path / "run", **options)
    assert without_times(resumed.history) == without_times(whole.history)
    last = training.load_run(tmp_path / "run", "last")
    for model in (resumed.model, last):
        assert all(equal(model.get_weights(), whole.model.get_weights()))

    next_recipe = RECIPE.replace(weights=str(tmp_path / "run"), classes=4)
    model = build.network(next_recipe)
    pretrained.load(model, next_recipe, run_dir=None)
    assert all(equal(model.get_weights()[:-2], last.get_weights()[:-2]))
    with pytest.raises(
        ValueError, match=r"must be a run with network='ResNet32'\. .* with network='ResNet20'"
    ):
        pretrained.load(model, next_recipe.replace(network="ResNet32"), run_dir=None)


@pytest.mark.every_backend
def test_a_linear_probe_trains_only_the_classifier(files, trained):
    recipe = krr.LinearProbe(
        network="ResNet20", weights=str(files / "a.weights.h5"), learning_rate=0.1, epochs=1,
        step_epochs=(1.0,), batch_size=8, train_size=8, test_size=8, classes=10,
    )  # fmt: skip
    model = recipe.fit((X, np.arange(16) % 10), verbose=0).model
    # BatchNormalization statistics are frozen too.
    assert equal(model.get_weights(), trained.get_weights()) == [True] * 95 + [False] * 2


def frozen(model, stages):
    freeze(model, stages)
    return {layer.name for layer in model.layers if layer.weights and not layer.trainable}


STAGES = {
    "ResNet18D": [("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)],
    # Nine blocks in three stages
    "ResNet20": [("conv", "bn"), *(tuple(f"blocks_{n + i}_" for i in range(3)) for n in (0, 3, 6))],
    # Stages by feature size, as in `applications.stages`: pooling precedes the branches.
    "ResNet9": [("prep",), ("layer1",), ("res1", "layer2"), ("layer3",), ("res3",)],
}


@pytest.mark.parametrize("name", STAGES)
def test_stem_and_stages_are_frozen_in_order(name):
    weighted = {layer.name for layer in getattr(applications, name)().layers if layer.weights}
    before = frozen(getattr(applications, name)(), 0)
    assert before == set()
    for stages, starts in enumerate(STAGES[name], start=1):
        now = frozen(getattr(applications, name)(), stages)
        assert now - before == {layer for layer in weighted if layer.startswith(starts)}
        before = now
    assert before == frozen(getattr(applications, name)(), 5) == weighted - {"fc", "linear"}


def test_invalid_weights_are_errors(files):
    weights = str(files / "a.weights.h5")
    with pytest.raises(ValueError, match="`weights` or `model` must be given with `frozen_stages`"):
        RECIPE.replace(weights=None, frozen_stages=2).fit(DATA)
    with pytest.raises(ValueError, match="`weights` must be None with `model`"):
        RECIPE.replace(weights=weights).fit(DATA, model=applications.ResNet20(classes=3))
    for value, message in {
        "a1_in": "`weights` of ResNet20 must be .*there are none",
        "nowhere.weights.h5": "must be the path of an existing",
        str(files): "must be an existing JSON file of a recipe",
        "file.pth": "must be the path of an existing",
    }.items():
        with pytest.raises(ValueError, match=message):
            pretrained.load(None, RECIPE.replace(weights=value), run_dir=None)
    for network in ("ResNet32", "ResNet18"):
        for file in ("a.weights.h5", "a.keras", "a.safetensors"):
            recipe = RECIPE.replace(weights=str(files / file), network=network)
            with pytest.raises(
                ValueError, match=r"of another network|must be those of this network"
            ):
                pretrained.load(None, recipe, run_dir=None)
    stranger = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    with pytest.raises(ValueError, match="`model` must be a network of"):
        RECIPE.replace(weights=None, frozen_stages=2).fit(DATA, model=stranger, verbose=0)
    assert frozen(stranger, 5) == set()


def test_as_many_other_classes_get_a_new_classifier(tiny, tmp_path, capsys):
    data = dataclasses.replace(krr.data.from_arrays(*DATA), class_names=("a", "b", "c"))
    RECIPE.replace(weights=None).fit(data, run_dir=tmp_path / "run", verbose=0)
    trained = krr.load_run(tmp_path / "run").get_weights()
    recipe = RECIPE.replace(weights=str(tmp_path / "run"))
    for names, kept in (("abc", True), ("xyz", False)):
        model = build.network(recipe)
        pretrained.load(model, recipe, None, tuple(names))
        assert equal(model.get_weights()[:-2], trained[:-2]) == [True] * (len(trained) - 2)
        assert np.array_equal(model.get_weights()[-2], trained[-2]) == kept
        assert ("the classifier of 3 classes is new" in capsys.readouterr().out) != kept
