"""Files that torch.save writes, as timm's and torchvision's training scripts write them."""

import argparse
import os
import sys
import tracemalloc
import zipfile

import keras
import numpy as np
import pytest
import torch

import keras_resnet_recipes as krr
from keras_resnet_recipes.applications import ResNet18
from keras_resnet_recipes.applications.weights import classes_in, timm_state
from tests.applications.name_weights import named_state
from tests.backends import some

pytestmark = pytest.mark.every_backend

ARGUMENTS = argparse.Namespace(model="resnet18", inner=argparse.Namespace(lr=0.1))


@pytest.fixture(scope="module")
def state():
    """The state dict of timm's ResNet-18 in the goldens."""
    network = ResNet18(classifier_activation=None)
    counts = {key: 1 for key in timm_state(network) if key.endswith("num_batches_tracked")}
    arrays = {key: array.astype("float32") for key, array in named_state(network).items()}
    return {key: torch.tensor(array) for key, array in {**arrays, **counts}.items()}


def prefixed(state, prefix):
    return {prefix + key: tensor for key, tensor in state.items()}


def zeros(state):
    return {key: torch.zeros_like(tensor) for key, tensor in state.items()}


def in_dtype(state, dtype):
    return {key: one.to(dtype) if one.is_floating_point() else one for key, one in state.items()}


FILES = {
    "state dict": lambda state: state,
    "timm": lambda state: {"epoch": 3, "state_dict": state, "args": ARGUMENTS, "metric": 0.5},
    "timm, EMA": lambda state: {"state_dict": zeros(state), "state_dict_ema": state},
    "timm, no EMA": lambda state: {"state_dict": state, "state_dict_ema": None},
    "torchvision": lambda state: {"model": state, "optimizer": {"state": {}}, "args": ARGUMENTS},
    "torchvision, EMA": lambda state: {
        "model": prefixed(zeros(state), "module."),
        "model_ema": {"n_averaged": torch.tensor(7), **prefixed(state, "module.module.")},
    },
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "compiled and distributed": lambda state: prefixed(state, "module._orig_mod."),
    "channels_last": lambda state: {
        key: one.to(memory_format=torch.channels_last) if one.ndim == 4 else one
        for key, one in state.items()
    },
    "parameters": lambda state: {
        key: torch.nn.Parameter(one) if one.is_floating_point() else one
        for key, one in state.items()
    },
}


@pytest.mark.parametrize("kind", some(FILES, everywhere=[*FILES][:1]))
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_a_checkpoint_gives_the_logits_of_timm(kind, zipped, state, golden, tmp_path):
    path = tmp_path / "resnet18.pth"
    torch.save(FILES[kind](state), path, _use_new_zipfile_serialization=zipped)
    model = ResNet18(path, classifier_activation=None, include_preprocessing=False)
    reference = golden("models")
    logits = reference["resnet18/eval_logits"]
    images = np.ascontiguousarray(reference["input"].transpose(0, 2, 3, 1))
    ours = keras.ops.convert_to_numpy(model(images, training=False))
    # As for .safetensors files
    assert np.abs(ours - logits).max() <= 1e-5 * np.abs(logits).max()
    assert classes_in(path) == 1000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(dtype, state, tmp_path):
    torch.save(in_dtype(state, dtype), tmp_path / "a.pt")
    model = ResNet18(tmp_path / "a.pt")
    ours = timm_state(model)
    for name, tensor in state.items():
        expected = tensor.to(dtype).to(torch.float32).numpy()
        assert name.endswith("tracked") or np.array_equal(ours[name], expected)


def test_what_is_taken_is_printed(state, tmp_path, capsys):
    path = tmp_path / "a.pth"
    torch.save(FILES["timm, EMA"](state), path)
    ResNet18(path)
    assert f"`weights`: 'state_dict_ema' of {str(path)!r}." in capsys.readouterr().err


def test_a_file_without_classifier_says_how_to_add_one(state, tmp_path):
    path = tmp_path / "a.pth"
    torch.save({key: one for key, one in state.items() if not key.startswith("fc.")}, path)
    message = r"missing: fc\.bias, fc\.weight\. `classes` .* include_top=False, pooling='avg'"
    with pytest.raises(ValueError, match=message):
        ResNet18(path, classes=7)
    body = ResNet18(path, include_top=False, pooling="avg")
    model = keras.Model(body.input, keras.layers.Dense(7)(body.output))
    assert model.output_shape == (None, 7)
    assert classes_in(path) is None


class Code:
    folder = ""

    def __reduce__(self):
        return os.mkdir, (self.folder,)


class Unknown:
    pass


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Code(), r"\w+\.mkdir in it is no tensor"),
        ({"state_dict": {}, "args": Unknown()}, "Unknown in it is no tensor"),
        ([1, 2], "must have a state dict"),
        ({"epoch": 3}, "Received: no tensors"),
        ({"module.a": torch.ones(1), "a": torch.ones(1)}, "two arrays of one name"),
        ({"a": torch.eye(2).to_sparse()}, "Sparse"),
    ],
    ids=["code", "unknown class", "list", "no tensors", "twice", "sparse"],
)
def test_other_objects_are_errors_and_run_nothing(content, reason, zipped, tmp_path):
    Code.folder = str(tmp_path / "made")
    path = tmp_path / "a.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=rf"a\.pth' cannot be read: .*{reason}") as caught:
        krr.applications.load_weights(None, path)
    assert "weights_only" not in str(caught.value)
    assert not os.path.exists(Code.folder)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("length", [0, 1, 1000, -1000])
def test_a_truncated_file_is_an_error(length, zipped, state, tmp_path):
    path = tmp_path / "a.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"a\.pth' cannot be read: "):
        krr.applications.load_weights(None, path)


def test_arrays_larger_than_the_file_are_errors(state, tmp_path):
    """A tensor of one number may have any shape; a compressed archive may inflate."""
    path = tmp_path / "a.pth"
    huge = {"fc.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}
    torch.save({**state, **huge}, path)
    with zipfile.ZipFile(tmp_path / "deflated.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(300_000_000))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"fc\.weight \(1048576, 1048576\) instead of"):
        ResNet18(path)
    assert classes_in(path) == 1 << 20
    with pytest.raises(ValueError, match=r"'a/data\.pkl' in it must not be compressed"):
        classes_in(tmp_path / "deflated.pth")
    # The network of 47 MB itself
    assert tracemalloc.get_traced_memory()[1] < 150_000_000
    tracemalloc.stop()


def test_without_torch(monkeypatch, tmp_path):
    (tmp_path / "a.pth").touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    message = r"a\.pth' requires torch: pip install torch\. A \.safetensors file does not"
    with pytest.raises(ImportError, match=message):
        krr.applications.load_weights(None, tmp_path / "a.pth")
