"""Typical mistakes of new users: each error message names the argument, the value received and the legal values.

Mistakes with trained models and their export are in test_cli.py, with bad files in input_pipeline/test_bad_input.py,
with `krr show --plan` in planning/, and with experiments in experiments/.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.training.checks import check_shards
from keras_resnet_recipes.training.feeds import device

pytestmark = pytest.mark.usefixtures("tiny_resnet20")

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (8, 16, 16, 3), "uint8"), np.arange(8) % 2
SIZES = {"epochs": 1, "warmup_epochs": 0, "train_size": 16, "test_size": 16, "rand_augment": None}
RECIPE = krr.A3(network="ResNet20", batch_size=4, **SIZES)
SMALL = [word for item in SIZES.items() for word in ("--set", "{}={}".format(*item))]
SMALL += ["--set", "network=ResNet20"]


def train(data, *options, recipe="A3", batch="4"):
    return ["train", recipe, "--data", data, *SMALL, "--set", f"batch_size={batch}", *options]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with many kinds of data, most of them invalid, and a run."""
    root = tmp_path_factory.mktemp("workspace")
    for name, classes in (("train", "ab"), ("val", "ac"), ("one", "a"), ("three", "abc")):
        for number in range(8):
            file = root / name / classes[number % len(classes)] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tf.io.encode_png(X[number]).numpy())
    shutil.copytree(root / "train" / "a", root / "flat")
    for name in ("empty", "empty_classes/a", "empty_classes/b"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(root / "train.zip", "w") as archive:
        archive.write(root / "flat" / "0.png")
    (root / "text").write_text("plain text")
    (root / "bad.npz").write_bytes(b"plain text")
    (root / "list.csv").write_text("path,label\nnone.png,0\n")
    np.savez(root / "named.npz", images=X, labels=Y)
    np.savez(root / "scaled.npz", x_train=X / 255, y_train=Y)
    np.savez(root / "small.npz", x_train=X, y_train=Y)
    recipe = RECIPE.replace(classes=2)
    recipe.fit((X, Y), run_dir=root / "run", verbose=0)
    for name in ("damaged", "truncated", "unknown_field"):
        shutil.copytree(root / "run", root / name)
    for file in (root / "damaged").glob("*.weights.h5"):
        file.write_bytes(b"nothing")
    (root / "truncated" / "recipe.json").write_text("{")
    (root / "unknown_field" / "recipe.json").write_text(json.dumps({"recipe": "A3", "epoch": 3}))
    return root


COMMANDS = {
    # Names and values of recipes.
    "a misspelt recipe": (["show", "A4"], ["`RECIPE` must be", "'A4'", "A1, A2, A3"]),
    "a recipe in lower case": (["show", "a1"], ["Received: 'a1'", "Did you mean `A1`?"]),
    "a misspelt field": (["show", "A1", "--set", "epoch=3"], ["`epoch`", "mean `epochs`?"]),
    "a missing value": (["show", "A1", "--set", "epochs"], ["`--set`", "NAME=VALUE", "'epochs'"]),
    "words instead of a number": (
        ["show", "A1", "--set", "epochs=ten"],
        ["`epochs`", "an integer at least 1", "'ten'"],
    ),
    "a fractional number of epochs": (
        ["show", "A1", "--set", "epochs=3.5"],
        ["`epochs`", "an integer", "3.5"],
    ),
    "one number instead of two": (
        ["show", "A1", "--set", "crop_scale=0.5"],
        ["`crop_scale`", "2 numbers", "crop_scale=0.5"],
    ),
    "yes as a truth value": (
        ["show", "A1", "--set", "zero_gamma=yes"],
        ["`zero_gamma`", "True or False", "'yes'"],
    ),
    "a network in lower case": (
        ["show", "A1", "--set", "network=resnet50"],
        ["`network`", "'resnet50'", "mean `ResNet50`?"],
    ),
    "a learning rate of nan": (
        ["show", "A1", "--set", "learning_rate=nan"],
        ["`learning_rate`", "a number above 0", "nan"],
    ),
    "a learning rate that is too large": (
        ["show", "A1", "--set", "learning_rate=1e30"],
        ["`learning_rate`", "1e+30", "2**63"],
    ),
    "an image size of 0": (
        ["show", "A1", "--set", "train_size=0"],
        ["`train_size`", "at least 1", "train_size=0"],
    ),
    "a misspelt precision": (
        ["show", "A1", "--set", "precision=float16"],
        ["`precision`", "'float16'", "mean `mixed_float16`?"],
    ),
    "micro-batches that do not divide the batch": (
        train("train", "--set", "gradient_accumulation_steps=3"),
        ["`gradient_accumulation_steps`", "(4)", "gradient_accumulation_steps=3"],
    ),
    "an odd batch size": (
        train("train", batch="3"),
        ["`batch_size`", "even", "Received: batch_size=3"],
    ),
    "unpublished values": (
        train("train", recipe="B"),
        ["`learning_rate`", "must be given", "B(learning_rate=..."],
    ),
    "an unpublished learning rate to rescale": (
        ["train", "B", "--data", "train", "--rescale", "8"],
        ["`learning_rate`", "must have a value to rescale B", "--set"],
    ),
    # Data.
    "a misspelt path": (train("trian"), ["no folder 'trian'", "Did you mean 'train'?"]),
    "a path that begins with a dot": (train("./trian"), ["`path`", "'trian'", "mean 'train'?"]),
    "a path in a missing folder": (train("./no/train"), ["`path`", "'no/train'", "'no' either"]),
    "an empty folder": (train("empty"), ["'empty'", "one subfolder per class", "no image"]),
    "images without class folders": (train("flat"), ["'flat'", "one subfolder per class", ".csv"]),
    "classes without images": (train("empty_classes"), ["'empty_classes/a'", "no image", ".png"]),
    "one class": (train("one"), ["`classes`", "at least 2", "'a'"]),
    "an archive": (train("train.zip"), ["`path`", "'train.zip'", "Unpack"]),
    "a text file": (train("./text"), ["`path`", "'text'", ".csv", ".npz"]),
    "a list of missing files": (train("list.csv"), ["'list.csv'", "none.png", "relative to '.'"]),
    "a damaged .npz": (train("bad.npz"), ["'bad.npz'", "not an .npz"]),
    "arrays by other names": (train("named.npz"), ["'named.npz'", "x_train", "images, labels"]),
    "a missing .npz": (train("smal.npz"), ["'smal.npz'", "mean 'small.npz'?"]),
    "images of 0..1 in a file": (train("scaled.npz"), ["`images`", "0..255", "0..1", "by 255"]),
    "an unknown TFDS name": (
        train("tfds:imagnette"),
        ["no data set 'imagnette'", "mean `imagenette`?"],
    ),
    "classes that do not match the data": (
        train("train", "--set", "classes=10"),
        ["`classes` must be the 2 of", "'train'", "classes=10"],
    ),
    "a batch larger than the data": (
        train("train", batch="2048"),
        ["`batch_size`", "2048", "8 images", "--rescale"],
    ),
    "validation data with an unknown class": (
        train("train", "--val", "val"),
        ["'val'", "class 'c'", "the 2 training classes are a, b"],
    ),
    "a misspelt path of validation data": (
        train("train", "--val", "va"),
        ["no folder 'va'", "Did you mean 'val'?"],
    ),
    "a folder as data on the device": (
        ["train", "DAWNBench", "--data", "train"],
        ["`dataset`", "data_on_device=True", "Received: 'train'"],
    ),
    "data on the device of a different size": (
        ["train", "DAWNBench", "--data", "small.npz", "--set", "batch_size=4"],
        ["`train_size` must be", "=32", "16 x 16", "data_on_device=False"],
    ),
    "an augmentation that the device does not support": (
        train("small.npz", "--set", "data_on_device=True"),
        ["`augmentation` must consist of", "PadAndCrop", "RandomResizedCrop("],
    ),
    # Weights and teachers.
    "a misspelt tag": (
        ["train", "A1", "--data", "train", "--set", "weights=a1_in1", "--set", "batch_size=4"],
        ["weights='a1_in1'", "mean `a1_in1k`?", ".safetensors"],
    ),
    "a tag of another network": (
        train("train", "--set", "weights=a1_in1k"),
        ["weights='a1_in1k'", "`weights` of ResNet20", "there are none", "the path"],
    ),
    "missing weights": (
        train("train", "--set", "weights=my.weights.h5"),
        ["weights='my.weights.h5'", "existing .safetensors"],
    ),
    "weights of another network": (
        train("train", "--set", "weights=run", "--set", "network=ResNet32"),
        ["`weights`", "network='ResNet32'", "weights='run'", "'ResNet20'"],
    ),
    "a missing teacher": (
        ["train", "Distill", "--data", "train", "--set", "network=ResNet20", "--rescale", "4"],
        ["`teacher` must be given", "ResNet152D", "distillation=None"],
    ),
    "a misspelt teacher": (
        train("train", "--teacher", "ResNet50"),
        ["`--teacher`", "'ResNet50'", ".keras"],
    ),
    # Runs.
    "a run of another recipe": (
        train("small.npz", "--run-dir", "run", "--set", "classes=2", "--set", "epochs=2"),
        ["`run_dir` 'run'", "another recipe", "epochs 1 2"],
    ),
    "a run with another seed": (
        train("small.npz", "--run-dir", "run", "--set", "classes=2", "--seed", "3"),
        ["`run_dir` 'run'", "seed=0", "Received: seed=3"],
    ),
    "a folder with other files as run folder": (
        train("train", "--run-dir", "val"),
        ["`run_dir`", "'val'", "empty folder, or new"],
    ),
    "a file as run folder": (train("train", "--run-dir", "text"), ["`run_dir`", "'text'"]),
    "a run folder below a file": (
        train("train", "--run-dir", "text/run"),
        ["`run_dir`", "'text/run'", "writable folder"],
    ),
    "a run folder that is not writable": (
        train("train", "--run-dir", "/proc/run"),
        ["`run_dir`", "'/proc/run'", "writable folder"],
    ),
    "damaged checkpoints": (
        train("small.npz", "--run-dir", "damaged", "--set", "classes=2"),
        ["'damaged/last.weights.h5' is damaged", "Put it back", "another `run_dir`"],
    ),
    "a truncated recipe": (
        train("small.npz", "--run-dir", "truncated", "--set", "classes=2"),
        ["truncated/recipe.json", "the JSON file of a recipe"],
    ),
    "a recipe with an unknown field": (
        ["evaluate", "unknown_field", "--data", "train"],
        ["unknown_field/recipe.json", "`epoch`", "mean `epochs`?"],
    ),
    "a missing run": (["evaluate", "none", "--data", "x"], ["`path`", "'none'", "run"]),
    "another network for a run": (
        ["evaluate", "run", "--data", "train", "--set", "network=ResNet32"],
        ["`--set`", "test_size", "--set network=ResNet32"],
    ),
    "a run with different classes": (
        ["evaluate", "run", "--data", "three"],
        ["`classes` must be the 3 of", "'three'", "classes=2"],
    ),
    "best weights of a run without evaluations": (
        ["evaluate", "run", "--data", "train", "--weights", "best"],
        ["'run' has no best weights", "only `weights` 'last'"],
    ),
    # Options of the command line.
    "zero seeds": (
        train("train", "--seeds", "0"),
        ["`--seeds`", "at least 1", "Received: --seeds 0"],
    ),
    "a negative seed": (
        train("train", "--seed", "-1"),
        ["`seed`", "from 0 to", "Received: seed=-1"],
    ),
    "a batch size of 0": (
        ["train", "A3", "--data", "train", "--rescale", "0"],
        ["`batch_size`", "at least 1", "batch_size=0"],
    ),
    "checkpoints without a run folder": (
        train("train", "--save-every-steps", "5"),
        ["`save_every_steps`", "`run_dir`", "save_every_steps=5"],
    ),
    "a misspelt distribution": (
        train("no_such.npz", "--distribution", "mirror"),  # before any data are read
        ["`distribution`", "'mirrored'", "'mirror'"],
    ),
    "a distribution of another backend": (
        train("train", "--distribution", "data_parallel"),
        ["'data_parallel'", "'jax'", "Use 'mirrored'"],
    ),
    # Output.
    "an output file in a missing folder": (
        ["preview", "A3", "--data", "train", "--out", "no/x.png"],
        ["`path` of a plot", "existing folder", "'no/x.png'"],
    ),
    "an output file of unknown type": (
        ["preview", "A3", "--data", "train", "--out", "x.xyz"],
        ["`path` of a plot", ".png", "'x.xyz'"],
    ),
    "data prepared into a class folder": (
        ["prepare", "train", "train/prepared"],
        ["`DST` must not be inside `SRC`, whose subfolders are classes", "'train/prepared'"],
    ),
    "JPEG quality with --raw": (
        ["prepare", "train", "new", "--raw", "--quality", "50"],
        ["`--quality` must not be given with `--raw`"],
    ),
    "data prepared into a folder with other files": (
        ["prepare", "train", "val"],
        ["`path`", "new or empty", "'val'"],
    ),
    "a missing timm file": (["from-timm", "none.yaml"], ["`path`", "'none.yaml'"]),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_a_mistake_is_reported_with_exit_code_2(mistake, workspace, monkeypatch, capsys):
    arguments, words = COMMANDS[mistake]
    monkeypatch.chdir(workspace)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    # The first line; only the comparison with another recipe has more.
    assert re.search("(^|\n)krr: error: ", error)
    assert "Traceback" not in error
    # Ignores the column widths of tables.
    assert [word for word in words if word not in " ".join(error.split())] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["trian", "A1"], "invalid choice: 'trian'"),
        (["train", "A1"], "required: --data"),
        (["compare"], "required: RECIPE"),
        (train("train", "--seeds", "x"), "--seeds: invalid int value: 'x'"),
        (train("train", "--on-nan", "skip"), "unrecognized arguments: --on-nan skip"),
    ],
)
def test_errors_of_the_argument_parser(arguments, words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def stream(*pairs):
    return tf.data.Dataset.from_tensor_slices(pairs or (X, Y))


def fit(data, recipe=RECIPE, **options):
    return recipe.fit(data, verbose=0, **options)


TINY = {"input_shape": (16, 16, 3), "classes": 2}
CALLS = {
    "one-hot labels": (lambda: fit((X, np.eye(2)[Y])), ["`labels`", "(8, 2)", "argmax"]),
    "one-hot labels of a stream": (
        lambda: fit(stream(X, np.eye(2)[Y])),
        ["`dataset`", "an integer label", "(2,)", "argmax"],
    ),
    "labels that are not integers": (
        lambda: fit((X, Y / 1.0)),
        ["`labels`", "integers", "float64", "astype(int)"],
    ),
    "labels out of range": (
        lambda: fit((X, Y + 5), RECIPE.replace(classes=2)),
        ["labels of the arrays", "0..1", "Received: 6"],
    ),
    "fewer labels than images": (
        lambda: fit((X, Y[:5])),
        ["`labels`", "(8)", "Received: 5"],
    ),
    "images of 0..1": (lambda: fit((X / 255, Y)), ["`images`", "0..255", "0..1", "by 255"]),
    "images of 0..1 in a stream": (
        lambda: fit(stream(X / 255, Y)),
        ["`dataset`", "0..255", "0..1", "by 255"],
    ),
    "normalized images": (
        lambda: fit((X / 127.5 - 1, Y)),
        ["`images`", "0..255", "-1..1", "without normalization"],
    ),
    "channels first": (
        lambda: fit((np.moveaxis(X, -1, 1), Y)),
        ["`images`", "(8, 3, 16, 16)", "np.moveaxis(images, 1, -1)"],
    ),
    "images with alpha": (
        lambda: fit((np.concatenate([X, X[..., :1]], -1), Y)),
        ["`images`", "(8, 16, 16, 4)", "images[..., :3]"],
    ),
    "images of int32": (lambda: fit((X.astype("int32"), Y)), ["`images`", "uint8", "int32"]),
    "images without labels": (lambda: fit(X), ["`dataset`", "arrays (x, y)", "ndarray"]),
    "three arrays": (lambda: fit((X, Y, Y)), ["`dataset`", "arrays (x, y)", "a tuple of 3"]),
    "a generator": (lambda: fit(iter([(X, Y)])), ["`dataset`", "list_iterator"]),
    "dictionaries": (
        lambda: fit(stream().map(lambda x, y: {"input": x, "label": y})),
        ["`dataset`", "must yield (image, label)", "a dictionary of input, label"],
    ),
    "batches of batches": (
        lambda: fit(stream().batch(4).batch(2)),
        ["`dataset`", "[height, width, 3 or 1]", "(2, 4, 16, 16, 3)"],
    ),
    "labels before images": (
        lambda: fit(stream(Y, X)),
        ["`dataset`", "must yield (image, label)", "int64 and shape ()"],
    ),
    "an empty stream": (lambda: fit(stream().take(0)), ["`dataset`", "at least one", "empty"]),
    "an infinite stream": (
        lambda: fit(stream().repeat(), RECIPE.replace(classes=2)),
        ["`steps_per_epoch` must be given", "infinite"],
    ),
    "zero updates": (lambda: fit((X, Y), steps_per_epoch=0), ["`steps_per_epoch`", "at least 1"]),
    "more classes in validation data": (
        lambda: fit((X, Y), validation_data=(X, np.arange(8) % 4)),
        ["labels of the arrays", "0..1", "Received: 3"],
    ),
    "a model by name": (
        lambda: fit((X, Y), model="ResNet50"),
        ["`model`", "a Keras model", "'ResNet50'"],
    ),
    "a network function that is not called": (
        lambda: fit((X, Y), model=krr.applications.ResNet20),
        ["`model`", "ResNet50(...)", "function"],
    ),
    "a model without logits": (
        lambda: fit((X, Y), model=krr.applications.ResNet20(**TINY)),
        ["`model`", "logits", "classifier_activation=None"],
    ),
    "a model with different classes": (
        lambda: fit((X, Y), model=krr.applications.ResNet20(**{**TINY, "classes": 5})),
        ["`model`", "2 outputs", "Received: 5"],
    ),
    "a model of a different input size": (
        lambda: fit(
            (X, Y),
            RECIPE.replace(train_size=32),
            model=krr.applications.ResNet20(**TINY, classifier_activation=None),
        ),
        ["`train_size`", "16 x 16", "Received: train_size=32"],
    ),
    "a model with different classes to evaluate": (
        lambda: RECIPE.replace(classes=10).evaluate(krr.applications.ResNet20(**TINY), (X, Y)),
        ["`model`", "10 outputs", "Received: 2"],
    ),
    "a teacher with different classes": (
        lambda: fit(
            (X, Y),
            RECIPE.replace(distillation=krr.recipe.Distillation()),
            teacher=krr.applications.ResNet20(**{**TINY, "classes": 3}, classifier_activation=None),
        ),
        ["`teacher`", "2 logits", "(None, 3)"],
    ),
    "a callback that is not in a list": (
        lambda: fit((X, Y), callbacks=keras.callbacks.Callback()),
        ["`callbacks`", "a list", "Callback"],
    ),
    "a number as run folder": (lambda: fit((X, Y), run_dir=3), ["`run_dir`", "folder", "3"]),
    "an ingredient by name": (
        lambda: RECIPE.replace(augmentation="randaugment"),
        ["`augmentation`", "a tuple, each an Augmentation", "'randaugment'"],
    ),
    "a field of a missing part": (
        lambda: krr.A1(cutout_size=8),
        ["`cutout_size`", "Cutout", "A1 does not have", "augmentation=(..., Cutout(...))"],
    ),
    "weights=True": (
        lambda: krr.applications.ResNet50(weights=True),
        ["weights=True", "'a1_in1k'", "path"],
    ),
    "misspelt weights": (
        lambda: krr.applications.ResNet50(weights="a1"),
        ["weights='a1'", "a1_in1k"],
    ),
    "a batch size that the devices do not divide": (
        lambda: check_shards(RECIPE, 3),
        ["`batch_size`", "the 3 devices", "Received: 4 / 1"],
    ),
    "a value without a name": (lambda: krr.A1(300), ["`A1`", "keyword arguments", "300"]),
    "a number in quotes": (lambda: krr.A1(epochs="300"), ["`epochs`", "an integer", "'300'"]),
    "a misspelt field of a custom recipe": (
        lambda: type("Mine", (krr.Recipe,), {"epoch": 3}),
        ["`Mine`", "`epoch`", "mean `epochs`?"],
    ),
    "a recipe that inherits from a published one": (
        lambda: type("Mine", (krr.A1,), {"epochs": 3}),
        ["`Mine`", "only from `Recipe`", "A1"],
    ),
    "classes instead of recipes": (
        lambda: krr.compare(krr.A1, krr.A2),
        ["`recipes`", "krr.A1()", "class"],
    ),
}


@pytest.mark.parametrize("mistake", CALLS)
def test_a_mistake_in_python_is_a_value_error(mistake):
    call, words = CALLS[mistake]
    with pytest.raises(ValueError) as raised:  # noqa: PT011 (the message is compared below)
        call()
    assert [word for word in words if word not in str(raised.value)] == []


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("matplotlib", ["preview", "A3", "--data", "train"], "pip install '.[plot]'"),
        (
            "tf2onnx",
            ["export", "run", "--to", "onnx", "--out", "m.onnx"],
            "pip install '.[export]'",
        ),
        ("huggingface_hub", ["card", "run", "--push", "a/b"], "pip install '.[hub]'"),
        (
            "huggingface_hub",
            ["predict", "ResNet50", "train", "--weights", "a1_in1k"],
            "pip install '.[hub]'",
        ),
        (
            "tensorflow_datasets",
            train("tfds:mnist"),
            "pip install '.[tensorflow]'",
        ),
        ("yaml", ["from-timm", "text"], "pip install '.[timm]'"),
    ],
)
def test_a_missing_package_names_the_extra(
    module, arguments, words, workspace, monkeypatch, capsys
):
    for name in [module, *(name for name in sys.modules if name.startswith(f"{module}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(workspace)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_data_set_too_large_for_the_device(monkeypatch):
    def full(*_):
        raise MemoryError("Unable to allocate 150 GiB")

    recipe = krr.DAWNBench(classes=2, train_size=16, test_size=16, batch_size=4)
    monkeypatch.setattr(device.ops, "convert_to_tensor", full)
    # 8 images of 768 bytes.
    with pytest.raises(ValueError, match=r"`data_on_device` must be False .* 0\.0 GB"):
        device.Feed(recipe, krr.data.from_source((X, Y)), None, steps=2)


def test_other_errors_of_the_device_are_not_changed(monkeypatch):
    def broken(*_):
        raise RuntimeError("no such device")

    recipe = krr.DAWNBench(classes=2, train_size=16, test_size=16, batch_size=4)
    monkeypatch.setattr(device.ops, "convert_to_tensor", broken)
    with pytest.raises(RuntimeError, match="no such device"):
        device.Feed(recipe, krr.data.from_source((X, Y)), None, steps=2)


def test_running_out_of_memory_is_reported_in_one_line(monkeypatch, capsys):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 150 GiB")

    monkeypatch.setattr(krr.Recipe, "preview", full)
    assert main(["preview", "A3", "--data", "train"]) == 1
    assert capsys.readouterr().err == "krr: error: out of memory. Unable to allocate 150 GiB\n"


def test_a_misspelt_attribute_of_the_package_has_a_hint():
    with pytest.raises(AttributeError, match=r"no attribute 'BagOfTrick'. Did you mean `BagOfT"):
        krr.BagOfTrick  # noqa: B018 (that is the mistake)


@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_backend_is_reported_in_one_line(debug):
    words = [*["--debug"] * debug, "train", "A3", "--data", "train"]
    command = [sys.executable, "-m", "keras_resnet_recipes", *words]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflw"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    last = done.stderr.splitlines()[-1]
    if debug:
        assert "Traceback" in done.stderr
        assert "tensorflw" in last
        assert done.returncode == 1
    else:
        assert "KERAS_BACKEND must be an installed backend of tensorflow, jax, torch" in last
        assert "Traceback" not in done.stderr
        assert done.returncode == 2
