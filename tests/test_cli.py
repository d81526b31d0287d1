"""The command line `krr`."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import keras_resnet_recipes as krr
from keras_resnet_recipes import training
from keras_resnet_recipes.applications.weights import timm_state
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.cli.backend import prepare_command

pytestmark = pytest.mark.usefixtures("tiny_resnet20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
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
    # RandAugment's fifteen operations take seconds to trace.
    *("--set", "rand_augment=None"),
]


def test_list_names_every_recipe_with_its_accuracy(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["recipe", *krr.RECIPES]
    for recipe, line in zip(krr.RECIPES.values(), lines[1:], strict=True):
        assert f"{recipe.published_top1} % {recipe.published_on}" in line
    assert lines[1].split()[2] == "224"
    assert max(map(len, lines)) <= 110


def test_show_prints_every_value(capsys):
    assert main(["show", "A1", "--set", "epochs=30", "--set", "crop_scale=(0.5, 1)"]) == 0
    out = capsys.readouterr().out
    assert "(600 in A1)" in out
    assert "0.5, 1" in out


def test_show_rescales(capsys):
    assert main(["show", "A1", "--rescale", "512"]) == 0
    # A quarter of the batch size and half the rate: LAMB's square root.
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("learning_rate "))
    assert line.split()[1:5] == ["0.0025", "(0.005", "in", "A1)"]


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
    lines = capsys.readouterr().out.splitlines()
    title = next(index for index, line in enumerate(lines) if line.startswith('A3 from "ResNet'))
    # The changed values alone, after the data were read.
    assert any("16 images, 2 classes: a, b" in line for line in lines[:title])
    end = lines.index("", title)
    assert [line.split()[0] for line in lines[title + 1 : end]] == [
        *("network", "epochs", "batch_size", "learning_rate", "warmup_epochs"),
        *("train_size", "rand_augment", "test_size"),
    ]
    assert lines[title + 3].split(maxsplit=2) == ["batch_size", "8", "(2048 in A3)"]
    names = str(folder / "train"), str(folder / "val")
    assert lines[end + 1 : end + 7] == [
        f"data        {names[0]!r}, 16 images",
        f"validation  {names[1]!r}, 8 images",
        "classes     2",
        "precision   float32, for the CPU",
        "training    2 epochs of 2 updates with 8 images each",
        f"run folder  {run!r}, new",
    ]
    assert lines[end + 8].startswith("`zero_gamma`: residual branches start with a scale of 0")
    assert [line[:16] for line in lines[end + 10 : -1]] == ["epoch 1/2  loss ", "epoch 2/2  loss "]
    assert lines[-1].startswith("trained 2 epochs, loss ")
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"run folder  {run!r}, finished" in lines
    assert not any(line.startswith("epoch ") for line in lines)
    for weights in ([], ["--weights", "last"]):
        assert main(["evaluate", run, "--data", str(folder / "val"), *weights]) == 0
        assert re.search(r"^loss .*images 8\n\nclass +images", capsys.readouterr().out, re.M)


def test_preview_writes_a_grid(folder, tmp_path, capsys):
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
    command = ["preview", "A3", "--data", str(folder / "train"), "--out", str(out)]
    command += ["--set", "rand_augment=None", "--set", "train_size=32"]
    assert main([*command, "--rows", "1", "--columns", "2"]) == 0
    # Two images of 32 pixels and the gap between them.
    assert keras.utils.img_to_array(keras.utils.load_img(out)).shape == (32, 66, 3)


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory):
    """A run of A3 in mixed precision, its .keras file, and a copy whose recipe has the other loss."""
    root = tmp_path_factory.mktemp("runs")
    train = ["train", "A3", "--data", str(folder / "train"), "--run-dir", str(root / "run"), *SMALL]
    assert main([*train, "--set", "epochs=1", "--set", "precision=mixed_float16"]) == 0
    training.load_run(root / "run").save(root / "model.keras")
    shutil.copytree(root / "run", root / "other")
    recipe = krr.load_recipe(root / "run")
    assert isinstance(recipe.loss, krr.recipe.BinaryCrossentropy)
    other = recipe.replace(loss=krr.recipe.CategoricalCrossentropy())
    other.to_json(root / "other" / "recipe.json")
    return root


def rows_of(out):
    rows = list(csv.DictReader(out.splitlines()))
    assert all(set(row) == {"path", "rank", "class", "name", "probability"} for row in rows)
    return {(row["path"].split("/")[-1], row["name"]): float(row["probability"]) for row in rows}


def test_predict_applies_the_activation_of_the_loss(folder, runs, capsys):
    predicted = {}
    for run in ("run", "other"):
        assert main(["predict", str(runs / run), str(folder / "val"), "--csv"]) == 0
        predicted[run] = rows_of(capsys.readouterr().out)
    assert len(predicted["run"]) == len(predicted["other"]) == 16
    logits = {key: np.log(p / (1 - p)) for key, p in predicted["run"].items()}
    for file in {file for file, _ in logits}:
        softmax = predicted["other"][file, "b"]
        difference = logits[file, "b"] - logits[file, "a"]
        # The CSV has six digits.
        np.testing.assert_allclose(softmax, 1 / (1 + np.exp(-difference)), rtol=1e-3)


def test_predict_prints_names_and_reports_unreadable_files(folder, runs, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    image = str(folder / "val" / "a" / "16.png")
    command = ["predict", "--model", str(runs / "run"), image, str(tmp_path)]
    assert main([*command, "--top", "1"]) == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == image
    assert re.fullmatch(r" +\d+\.\d\d%  [ab]", lines[1])
    assert len(lines) == 2
    assert f"krr: cannot read {tmp_path / 'broken.png'}: " in captured.err
    assert captured.err.splitlines()[-1] == "krr: unreadable images: 1"


def test_predict_names_the_paths_that_it_cannot_read_at_the_end(folder, runs, tmp_path, capsys):
    images = [str(folder / "val" / "ab"[n % 2] / f"{n}.png") for n in (16, 17, 18)]
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.png").write_bytes(b"nothing")
    wrong = [str(tmp_path / name) for name in ("phot.png", "empty", "photo.png")]
    paths = [images[0], wrong[0], images[1], wrong[1], wrong[2], images[2]]
    assert main(["predict", str(runs / "run"), *paths, "--top", "1"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[::2] == images
    lines = err.splitlines()
    assert lines[0] == (
        f"krr: cannot read {wrong[0]}: No such file or directory. Did you mean {wrong[2]!r}?"
    )
    assert lines[1] == f"krr: cannot read {wrong[1]}: the folder contains no image that can be read"
    assert lines[2].startswith(f"krr: cannot read {wrong[2]}: ")
    assert lines[3:] == ["krr: unreadable images: 3"]
    assert main(["predict", str(runs / "run"), wrong[0], "--csv"]) == 1
    assert capsys.readouterr().out == "path,rank,class,name,probability\n"


def test_options_may_be_between_arguments(folder, runs, tmp_path, capsys):
    images = [str(folder / "val" / "a" / f"{n}.png") for n in (16, 18)]
    run = str(runs / "run")
    assert main(["predict", run, "--top", "1", images[0], "--size", "16", images[1]]) == 0
    assert capsys.readouterr().out.splitlines()[::2] == images
    assert main(["compare", "A1", "--all", "A2"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["A1", "A2"]
    out = str(tmp_path / "both.html")
    assert main(["report", run, "--out", out, str(runs / "other")]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    # Without it, the name of the option is the name of a file after `--`.
    assert main(["predict", "--top", "1", "--", run, images[0], "--csv"]) == 1
    assert "krr: cannot read --csv: No such file" in capsys.readouterr().err


def test_predict_and_export_of_a_keras_file_and_of_a_network(folder, runs, tmp_path, capsys):
    image = str(folder / "val" / "a" / "16.png")
    made = krr.applications.ResNet20()
    made.save_weights(tmp_path / "made.weights.h5")
    state = {key: torch.tensor(array) for key, array in timm_state(made).items()}
    torch.save({"state_dict": state}, tmp_path / "made.pth.tar")
    networks = [
        ["ResNet20", "--weights", str(tmp_path / name), "--activation", "sigmoid"]
        for name in ("made.weights.h5", "made.pth.tar")
    ]
    for model in ([str(runs / "model.keras")], *networks):
        assert main(["predict", *model[:1], image, *model[1:], "--size", "16", "--top", "2"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 3
    out = tmp_path / "model"
    model = str(runs / "model.keras")
    assert main(["export", model, "--to", "saved_model", "--out", str(out), "--size", "any"]) == 0
    assert (out / "saved_model.pb").is_file()


def test_export_uses_size_activation_and_class_names_of_the_run(runs, tmp_path, capsys):
    import onnxruntime

    out = tmp_path / "model.onnx"
    assert main(["export", str(runs / "run"), "--to", "onnx", "--out", str(out)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"{out}: on random images, probabilities differ from the Keras model's")
    assert (tmp_path / "model.onnx.labels.txt").read_text() == "a\nb\n"
    session = onnxruntime.InferenceSession(out)
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), "uint8")
    assert session.get_inputs()[0].shape[1:] == [16, 16, 3]
    logits = training.load_run(runs / "run")(images, training=False).numpy()
    sigmoid = 1 / (1 + np.exp(-logits.astype("float64")))
    # The run computes in float16, the exported model in float32.
    np.testing.assert_allclose(session.run(None, {"images": images})[0], sigmoid, atol=0.01)
    assert main(["export", str(runs / "run"), "--to", "onnx", "--out", str(out)]) == 2
    assert "`path` must not exist" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "ResNet20", "RUN"], "`--weights` must be given for the network ResNet20"),
        (["predict", "ResNet21", "RUN"], "Received: 'ResNet21'. Did you mean `ResNet"),
        (["predict", "RUN"], "`MODEL` and at least one `IMAGE` must be given"),
        (["predict", "none.keras", "RUN"], "must be an existing .keras file"),
        (
            ["predict", "RUN", "RUN", "--weights", "a1_in1k"],
            "`--weights` must be best or last for a run",
        ),
        (["predict", "RUN", "RUN", "--size", "0"], "`--size` must be at least 1"),
        (["export", "RUN", "--to", "onnx", "--out", "x"], "`path` must end with .onnx"),
        (["export", "DAMAGED", "--to", "onnx", "--out", "x.onnx"], "cannot be read"),
    ],
)
def test_invalid_model_arguments_print_one_line_and_exit_with_2(
    arguments, message, runs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.keras").write_bytes(b"nothing")
    paths = {"RUN": str(runs / "run"), "DAMAGED": "damaged.keras"}
    assert main([paths.get(argument, argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("krr: error: ")
    assert [file.name for file in tmp_path.iterdir()] == ["damaged.keras"]


def test_the_parser_rejects_an_unknown_format(runs, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["export", str(runs / "run"), "--to", "openvino", "--out", "x"])
    assert stop.value.code == 2
    assert "saved_model" in capsys.readouterr().err


def test_an_unwritable_folder_prints_one_line(runs, capsys):
    assert main(["export", str(runs / "run"), "--to", "onnx", "--out", "/proc/model.onnx"]) == 1
    assert re.match("krr: error: .*'/proc/", capsys.readouterr().err)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for command in ("list", "show", "preview", "compare", "train", "evaluate", "predict"):
        assert f"\n    {command} " in out
    assert "\n    export " in out
    assert "\n    prepare " in out
    assert "\n    report " in out
    assert "\n    card " in out


def test_import_makes_custom_parts_available(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(krr.recipe.Part.known, "Dimmed", None)
    del krr.recipe.Part.known["Dimmed"]
    Path("custom_parts.py").write_text(
        "import keras_resnet_recipes as krr\n"
        "class Dimmed(krr.schedules.Schedule):\n"
        "    factor: float = 0.5\n"
        "    def __call__(self, epoch, lr=None):\n"
        "        return self.learning_rate * self.factor\n"
    )
    assert main(["--import", "custom_parts", "show", "A3", "--set", "schedule=Dimmed()"]) == 0
    assert "dimmed_factor" in capsys.readouterr().out
    Path("broken_parts.py").write_text("1 +")
    for name, words in (("no_such_parts", "ModuleNotFoundError"), ("broken_parts", "SyntaxError")):
        assert main(["--import", name, "list"]) == 2
        message = f"`--import` must name an importable module. Received: '{name}' ({words}"
        assert message in capsys.readouterr().err


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="`RECIPE` must be the name of a recipe"):
        main(["--debug", "show", "A4"])


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("0", "0")])
def test_only_the_command_line_enables_onednn(monkeypatch, given, expected):
    environment = {} if given is None else {"TF_ENABLE_ONEDNN_OPTS": given}
    monkeypatch.setattr(os, "environ", environment)
    prepare_command(debug=True)
    assert environment == {"TF_ENABLE_ONEDNN_OPTS": expected}
    prepare_command(debug=False)
    assert environment == {"TF_ENABLE_ONEDNN_OPTS": expected, "TF_CPP_MIN_LOG_LEVEL": "3"}


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "keras_resnet_recipes", "show", "A9"]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("krr: error: `RECIPE` must be the name of a")


def test_a_reader_that_wants_no_more_is_no_error():
    """`krr list | true`: no message."""
    command = [sys.executable, "-m", "keras_resnet_recipes", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
