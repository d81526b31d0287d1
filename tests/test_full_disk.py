"""On a full disk every command ends with one line, and nothing earlier is lost."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main

pytestmark = pytest.mark.usefixtures("tiny_resnet20")

SMALL = [
    *("--set", "network=ResNet20", "--set", "epochs=1", "--set", "warmup_epochs=0"),
    *("--set", "train_size=16", "--set", "test_size=16", "--rescale", "4"),
    *("--set", "rand_augment=None"),
]


@contextlib.contextmanager
def files_of_at_most(size):
    """Context manager: the system refuses to write more bytes to a file, with "File too large"."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("full")
    rng = np.random.default_rng(0)
    for number in range(8):
        file = root / "images" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (40, 40, 3), "uint8")
        file.write_bytes(tf.io.encode_png(pixels).numpy())
    recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, train_size=16, test_size=16)
    recipe = recipe.replace(rand_augment=None, batch_size=4)
    recipe.fit(root / "images", run_dir=root / "run", verbose=0)
    shutil.copyfile(Path(__file__).parent / "recipes/timm/a1.yaml", root / "args.yaml")
    (root / "old").mkdir()
    for name in ("x.html", "x.png", "x.json"):
        (root / "old" / name).write_text("earlier")
    return root


@pytest.mark.parametrize(
    ("size", "arguments"),
    [
        (1000, ["prepare", "images", "prepared"]),
        (4000, ["train", "A3", "--data", "images", "--run-dir", "new", *SMALL]),
        (100, ["report", "run", "--out", "old/x.html"]),
        (100, ["card", "run"]),
        (100, ["preview", "A3", "--data", "images", "--out", "old/x.png", *SMALL]),
        (
            100,
            ["preview", "A3", "--data", "images", "--out", "old/x.png", *SMALL, "--rows", "1"],
        ),
        (100, ["show", "A3", "--plan", "--out", "old/x.png"]),
        (100, ["from-timm", "args.yaml", "--out", "old/x.json"]),
        (1000, ["export", "run", "--to", "saved_model", "--out", "model"]),
        (1000, ["export", "run", "--to", "onnx", "--out", "model.onnx"]),
        (1000, ["export", "run", "--to", "litert", "--out", "model.tflite"]),
    ],
    ids=lambda value: " ".join(value[:4:3]) if isinstance(value, list) else "",
)
def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    size, arguments, workspace, monkeypatch, capsys
):
    monkeypatch.chdir(workspace)
    before = {file: file.read_bytes() for file in workspace.rglob("*") if file.is_file()}
    with files_of_at_most(size):
        assert main(arguments) == 1
    err = capsys.readouterr().err
    (line,) = (line for line in err.splitlines() if line.startswith("krr: "))
    assert line.startswith("krr: error: ")
    assert "File too large" in line
    assert "Traceback" not in err
    for file, contents in before.items():
        assert file.read_bytes() == contents
    new = {file.name for file in workspace.rglob("*") if file.is_file() and file not in before}
    # What a run or prepared folder is recognized by, and resumes from.
    assert new <= {"index.json", "recipe.json", "run.json", "log.csv"}


@pytest.mark.parametrize("recipes", [1, 40], ids=["buffered", "more than the buffer"])
def test_a_full_disk_under_stdout(recipes):
    command = [sys.executable, "-m", "keras_resnet_recipes", "compare", "--all", *["A1"] * recipes]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"krr: error: {os.strerror(28)}\n")


def test_an_error_of_another_library_for_a_full_disk(monkeypatch, capsys):
    """TensorFlow Datasets writes with TensorFlow, whose errors are no OSError."""

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "x.tfrecord; No space left on device")

    monkeypatch.setattr(krr.data, "from_source", full)
    assert main(["prepare", "tfds:mnist", "new"]) == 1
    assert capsys.readouterr().err == "krr: error: x.tfrecord; No space left on device\n"


def test_an_unknown_error_is_not_hidden(monkeypatch):
    def broken(*_, **__):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(krr.data, "from_source", broken)
    with pytest.raises(KeyError):
        main(["prepare", "images", "new"])
