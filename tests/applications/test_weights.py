"""Loading and saving weights; test_goldens.py, which loads them in the same way, compares the values with timm."""

import json
import struct
import sys

import h5py
import keras
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications import ResNet20, load_weights, save_timm_weights
from keras_resnet_recipes.applications.weights import timm_state
from tests.applications.name_weights import named_state

pytestmark = pytest.mark.every_backend


def channels_last(images):
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def values(model):
    return [keras.ops.convert_to_numpy(weight) for weight in model.weights]


def assert_same(one, other):
    for ours, theirs in zip(values(one), values(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def trained():
    """A network with random values in all weights."""
    model = ResNet20()
    for seed, weight in enumerate(model.weights):
        z = np.random.default_rng(seed).standard_normal(weight.shape)
        weight.assign(np.exp(0.1 * z))
    return model


@pytest.fixture
def file(trained, tmp_path):
    path = tmp_path / "resnet20.safetensors"
    save_timm_weights(trained, path)
    return path


@pytest.mark.parametrize("name", ["ResNet18", "ResNet10T"])
def test_a_file_of_timm_gives_its_logits_and_is_saved_unchanged(name, golden, tmp_path):
    reference = golden("models")
    arguments = {"classifier_activation": None, "include_preprocessing": False}
    model = getattr(applications, name)(**arguments)
    state = {key: array.astype("float32") for key, array in named_state(model).items()}
    save_file(state, tmp_path / "timm.safetensors")
    load_weights(model, tmp_path / "timm.safetensors")
    logits = reference[f"{name.lower()}/eval_logits"]
    ours = run(model, channels_last(reference["input"]))
    # Inference on any backend is within 1.4e-6 of the goldens.
    assert np.abs(ours - logits).max() <= 1e-5 * np.abs(logits).max()
    save_timm_weights(model, tmp_path / "ours.safetensors")
    back = load_file(tmp_path / "ours.safetensors")
    counts = {key: back.pop(key) for key in list(back) if key.endswith("num_batches_tracked")}
    assert {key.replace("num_batches_tracked", "running_var") for key in counts} <= set(back)
    assert all(count.dtype == "int64" and count.shape == () for count in counts.values())
    assert back.keys() == state.keys()
    for key, array in state.items():
        np.testing.assert_array_equal(back[key], array)


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50D", "SEResNet50"])
def test_names_and_shapes_equal_timms(name, golden):
    with keras.StatelessScope(initialize_variables=False):
        variables = applications.weights.timm_variables(getattr(applications, name)())
    named = dict(golden("models").meta["models"][name.lower()]["names"])
    trained = {key for key in variables if "running" not in key}
    assert trained == set(named)
    for key in trained:
        shape = np.broadcast_to(0, variables[key].shape)
        assert list(applications.weights.to_torch(shape).shape) == named[key]


def test_both_ways(trained, file):
    model = ResNet20()
    assert load_weights(model, str(file)) is None
    assert_same(model, trained)
    assert_same(ResNet20(file), trained)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype, trained, file):
    save_file({key: array.astype(dtype) for key, array in load_file(file).items()}, file)
    for ours, theirs in zip(values(ResNet20(file)), values(trained), strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_array_equal(ours, theirs.astype(dtype).astype("float32"))


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_the_formats_of_keras(ending, trained, tmp_path):
    path = tmp_path / f"resnet20{ending}"
    (trained.save_weights if ending == ".weights.h5" else trained.save)(path)
    assert_same(ResNet20(path), trained)
    again = ResNet20()
    load_weights(again, path)
    assert_same(again, trained)


def test_without_a_top_the_classifier_is_ignored(trained, file):
    model = ResNet20(file, include_top=False)
    for ours, theirs in zip(values(model), values(trained)[:-2], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_classifier_of_resnet9_is_recognized():
    state = timm_state(applications.ResNet9())
    headless = applications.ResNet9(include_top=False)
    applications.weights.set_timm_state(headless, state)
    other = applications.ResNet9(classes=3)
    applications.weights.set_timm_state(other, state, head=False)


def changed(file, **changes):
    arrays = {**load_file(file), **{key.replace("__", "."): a for key, a in changes.items()}}
    save_file({key: array for key, array in arrays.items() if array is not None}, file)
    return file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bn__weight": None}, r"those of this network. missing: bn\.weight\.$"),
        ({"bn__wait": np.ones(16)}, r"those of this network. unknown: bn\.wait\.$"),
        (
            {"conv__weight": np.ones((16, 3, 3, 5)), "bn__bias": None},
            r"missing: bn\.bias; of another shape or type: "
            r"conv\.weight \(16, 3, 3, 5\) instead of \(16, 3, 3, 3\)\.$",
        ),
        ({"bn__weight": np.ones((16, 1), "float32")}, r"bn\.weight \(16, 1\) instead of \(16,\)"),
        ({"bn__weight": np.ones(16, "int32")}, r"type: bn\.weight of int32\.$"),
        (
            {"fc__weight": np.ones((7, 64)), "fc__bias": np.ones(7)},
            r"fc\.bias \(7,\) instead of \(10,\), fc\.weight \(7, 64\) instead of \(10, 64\)\. "
            r"`classes` must be the number in the file\. For others, .* include_top=False",
        ),
    ],
)
def test_the_error_for_another_network_lists_differences_and_nothing_is_set(
    changes, message, trained, file
):
    model = ResNet20()
    model.set_weights(values(trained))
    with pytest.raises(ValueError, match=message):
        load_weights(model, changed(file, **changes))
    assert_same(model, trained)


def test_long_lists_are_truncated(file):
    with pytest.raises(ValueError, match=r"missing: bn1\.bias, .* and \d+ more; unknown: blocks"):
        applications.ResNet18(file)


@pytest.mark.parametrize(
    "name",
    ["missing.safetensors", "missing.weights.h5", "missing.pth", "notes.txt", "a.h5", "a.pkl"],
)
def test_paths_that_are_not_weights_files(name, tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "a.h5").touch()
    (tmp_path / "a.pkl").touch()
    for call in (ResNet20, lambda path: load_weights(ResNet20(), path)):
        with pytest.raises(ValueError, match=r"must be the path of an existing \.safetensors, "):
            call(tmp_path / name)
    with pytest.raises(ValueError, match=r"must be a file named \*\.safetensors"):
        save_timm_weights(ResNet20(), tmp_path / name.replace("safetensors", "txt"))


def safetensors(header, contents=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + contents


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\xff" * 64,
        struct.pack("<Q", 1 << 40) + b"{}",
        safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}, b"1234"),
        safetensors({"a": {"dtype": "F32", "shape": [1 << 60], "data_offsets": [0, 4]}}, b"1234"),
        safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]}}, b"1234"),
    ],
    ids=["empty", "noise", "long header", "cut off", "huge", "outside"],
)
def test_a_damaged_or_malicious_file_is_an_error(contents, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=r"a\.safetensors' cannot be read"):
        ResNet20(path)


def test_a_layer_that_timm_has_no_name_for(tmp_path):
    model = keras.Sequential([keras.Input((4, 4)), keras.layers.LSTM(2)])
    with pytest.raises(ValueError, match="which timm has no name for"):
        save_timm_weights(model, tmp_path / "a.safetensors")


def test_without_the_extra(monkeypatch, trained, file):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (ResNet20, lambda path: save_timm_weights(trained, path)):
        with pytest.raises(ImportError, match=r"pip install '\.\[hub\]'"):
            call(file)


def test_code_in_a_keras_file_is_not_read(tmp_path):
    path, ran = tmp_path / "code.keras", []
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: ran.append(1) or x)])
    ran.clear()
    model.save(path)
    with pytest.raises(ValueError, match=r"code\.keras' is damaged or of another network"):
        ResNet20(path)
    assert ran == []


def test_a_weights_file_cannot_read_another_file(trained, tmp_path):
    path, secret = tmp_path / "a.weights.h5", tmp_path / "secret.h5"
    trained.save_weights(path)
    kernel = trained.get_layer("fc").kernel.shape
    with h5py.File(secret, "w") as other:
        other["kernel"] = np.full(kernel, 42, "float32")
    with h5py.File(path, "r+") as hostile:
        names = []
        hostile.visititems(
            lambda name, item: names.append(name) if getattr(item, "shape", 0) == kernel else None
        )
        del hostile[names[0]]
        hostile[names[0]] = h5py.ExternalLink(str(secret), "/kernel")
    with pytest.raises(ValueError, match=r"(?s)is damaged or of another network: .*ExternalLink"):
        ResNet20(path)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
@pytest.mark.parametrize("length", [0, 1000, -1000])
def test_a_truncated_file_of_keras(ending, length, trained, tmp_path):
    path = tmp_path / f"resnet20{ending}"
    (trained.save_weights if ending == ".weights.h5" else trained.save)(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="is damaged or of another network"):
        load_weights(ResNet20(), path)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_a_file_of_keras_of_another_network(ending, trained, tmp_path):
    path = tmp_path / f"resnet20{ending}"
    (trained.save_weights if ending == ".weights.h5" else trained.save)(path)
    for other in (applications.ResNet32, applications.ResNet9):
        with pytest.raises(ValueError, match="is damaged or of another network"):
            other(path)
