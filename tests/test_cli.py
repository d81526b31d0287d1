"""The command `krr`, as a user types it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from keras_resnet_recipes.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(24):
        file = root / ("train" if number < 16 else "val") / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 100, (20, 20, 3)) + 100 * (number % 2)
        file.write_bytes(tf.io.encode_png(pixels.astype("uint8")).numpy())
    return root


SMALL = [
    *("--set", "network=ResNet20", "--set", "epochs=2", "--set", "warmup_epochs=0"),
    *("--set", "train_size=16", "--set", "test_size=16", "--rescale", "8"),
]


def test_list_names_every_recipe_with_its_accuracy(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["recipe", "A1", "A2", "A3"]
    assert "80.4 %" in lines[1]


def test_show_prints_every_value(capsys):
    assert main(["show", "A1", "--set", "epochs=30", "--set", "crop_scale=(0.5, 1)"]) == 0
    out = capsys.readouterr().out
    assert "(600 in A1)" in out
    assert "0.5, 1" in out


def test_compare_prints_the_table(capsys):
    assert main(["compare", "A1", "A2", "A3"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["A1", "A2", "A3"]
    assert "optimizer" not in out
    assert main(["compare", "A1", "A2", "--all"]) == 0
    assert "optimizer" in capsys.readouterr().out


def test_train_then_resume_then_evaluate(folder, tmp_path, capsys):
    run = str(tmp_path / "run")
    command = ["train", "A3", "--data", str(folder / "train"), "--val", str(folder / "val")]
    command += ["--run-dir", run, *SMALL]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "(2048 in A3)" in out
    assert "Epoch 2/2" in out
    assert out.splitlines()[-1].startswith("trained 2 epochs, loss ")
    assert main(command) == 0
    assert "Epoch" not in capsys.readouterr().out
    for weights in ([], ["--weights", "last"]):
        assert main(["evaluate", run, "--data", str(folder / "val"), *weights]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith("images 8")


def test_preview_draws_a_grid(folder, tmp_path, capsys):
    out = tmp_path / "grid.png"
    assert (
        main(
            [
                "preview",
                "A3",
                "--data",
                str(folder / "train"),
                "--out",
                str(out),
                "--set",
                "train_size=32",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "A4"], "there is no recipe 'A4'"),
        (["show", "a1"], "there is no recipe 'a1'"),
        (["show", "A1", "--set", "epoch=3"], "Did you mean `epochs`?"),
        (["show", "A1", "--set", "epochs"], "`--set` takes FIELD=VALUE; received 'epochs'"),
        (["train", "A3", "--data", "./none"], "must be an existing folder; received 'none'"),
        (["evaluate", "none", "--data", "x"], "there is no file 'none'"),
        (["train", "A3", "--data", "./none", "--rescale", "0"], "`batch_size` must be"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("krr: error: ")
    assert message in captured.err


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="there is no recipe"):
        main(["--debug", "show", "A4"])


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "keras_resnet_recipes", "show", "A9"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("krr: error: there is no recipe 'A9'")
