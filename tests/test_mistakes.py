"""Mistakes of new users, each made: what they are told names the argument, the value and a legal one.

Those with a trained model and with its export are in test_cli.py, those with bad files in
training/test_bad_input.py, those of `krr show --plan` in planning/, of the
experiments in experiments/.
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
from keras_resnet_recipes.training import parts, resident

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
def made(tmp_path_factory):
    """A folder with data of many kinds, most of them wrong, and a run."""
    root = tmp_path_factory.mktemp("made")
    for name, classes in (("train", "ab"), ("val", "ac"), ("one", "a"), ("three", "abc")):
        for number in range(8):
            file = root / name / classes[number % len(classes)] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tf.io.encode_png(X[number]).numpy())
    shutil.copytree(root / "train" / "a", root / "flat")
    for name in ("empty", "hollow/a", "hollow/b"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(root / "train.zip", "w") as archive:
        archive.write(root / "flat" / "0.png")
    (root / "note").write_text("these are words")
    (root / "bad.npz").write_bytes(b"these are words")
    (root / "list.csv").write_text("path,label\nnone.png,0\n")
    np.savez(root / "named.npz", images=X, labels=Y)
    np.savez(root / "scaled.npz", x_train=X / 255, y_train=Y)
    np.savez(root / "small.npz", x_train=X, y_train=Y)
    recipe = RECIPE.replace(classes=2)
    recipe.fit((X, Y), run_dir=root / "run", verbose=0)
    for name in ("torn", "cut", "odd"):
        shutil.copytree(root / "run", root / name)
    for file in (root / "torn").glob("*.weights.h5"):
        file.write_bytes(b"nothing")
    (root / "cut" / "recipe.json").write_text("{")
    (root / "odd" / "recipe.json").write_text(json.dumps({"recipe": "A3", "epoch": 3}))
    return root


COMMANDS = {
    # Names and values of a recipe.
    "a misspelt recipe": (["show", "A4"], ["there is no recipe 'A4'", "A1, A2, A3"]),
    "a recipe in small letters": (["show", "a1"], ["no recipe 'a1'", "Did you mean `A1`?"]),
    "a misspelt field": (["show", "A1", "--set", "epoch=3"], ["`epoch`", "mean `epochs`?"]),
    "no value": (["show", "A1", "--set", "epochs"], ["`--set`", "NAME=VALUE", "'epochs'"]),
    "words for a number": (
        ["show", "A1", "--set", "epochs=ten"],
        ["`epochs`", "an integer at least 1", "'ten'"],
    ),
    "a fraction": (["show", "A1", "--set", "epochs=3.5"], ["`epochs`", "an integer", "3.5"]),
    "one number for two": (
        ["show", "A1", "--set", "crop_scale=0.5"],
        ["`crop_scale`", "2 numbers", "crop_scale=0.5"],
    ),
    "yes": (
        ["show", "A1", "--set", "zero_gamma=yes"],
        ["`zero_gamma`", "True or False", "'yes'"],
    ),
    "a network in small letters": (
        ["show", "A1", "--set", "network=resnet50"],
        ["`network`", "'resnet50'", "mean `ResNet50`?"],
    ),
    "a rate that is no number": (
        ["show", "A1", "--set", "learning_rate=nan"],
        ["`learning_rate`", "a number above 0", "nan"],
    ),
    "a rate that no tensor holds": (
        ["show", "A1", "--set", "learning_rate=1e30"],
        ["`learning_rate`", "1e+30", "2**63"],
    ),
    "a size of nothing": (
        ["show", "A1", "--set", "train_size=0"],
        ["`train_size`", "at least 1", "train_size=0"],
    ),
    "half precision by another name": (
        ["show", "A1", "--set", "precision=float16"],
        ["`precision`", "'float16'", "mean `mixed_float16`?"],
    ),
    "parts that divide no batch": (
        train("train", "--set", "gradient_accumulation_steps=3"),
        ["`gradient_accumulation_steps`", "(4)", "gradient_accumulation_steps=3"],
    ),
    "an odd batch": (train("train", batch="3"), ["`batch_size`", "even", "Received: 3 / 1"]),
    "values that nobody published": (
        train("train", recipe="B"),
        ["`learning_rate`", "must be given", "B(learning_rate=..."],
    ),
    "a rate to rescale that nobody published": (
        ["train", "B", "--data", "train", "--rescale", "8"],
        ["`learning_rate`", "to be rescaled: B has none", "--set"],
    ),
    # Data.
    "a misspelt path": (train("trian"), ["no folder 'trian'", "Did you mean 'train'?"]),
    "a path that begins with a dot": (train("./trian"), ["`path`", "'trian'", "mean 'train'?"]),
    "a path in no folder": (train("./no/train"), ["`path`", "'no/train'", "'no' either"]),
    "an empty folder": (train("empty"), ["'empty'", "one subfolder per class", "no image"]),
    "pictures in no class": (train("flat"), ["'flat'", "one subfolder per class", ".csv"]),
    "classes of nothing": (train("hollow"), ["'hollow/a'", "no image", ".png"]),
    "one class": (train("one"), ["`classes`", "at least 2", "'a'"]),
    "an archive": (train("train.zip"), ["`path`", "'train.zip'", "Unpack"]),
    "a text": (train("./note"), ["`path`", "'note'", ".csv", ".npz"]),
    "a list of nothing": (train("list.csv"), ["'list.csv'", "none.png", "relative to '.'"]),
    "no archive of arrays": (train("bad.npz"), ["'bad.npz'", "not an .npz"]),
    "arrays by other names": (train("named.npz"), ["'named.npz'", "x_train", "images, labels"]),
    "an .npz that is not there": (train("smal.npz"), ["'smal.npz'", "mean 'small.npz'?"]),
    "pictures of 0..1 in a file": (train("scaled.npz"), ["`images`", "0..255", "0..1", "by 255"]),
    "an unknown TFDS name": (
        train("tfds:imagnette"),
        ["no data set 'imagnette'", "mean `imagenette`?"],
    ),
    "classes that disagree": (
        train("train", "--set", "classes=10"),
        ["`classes` is 10", "'train' has 2"],
    ),
    "a batch larger than the data": (
        train("train", batch="2048"),
        ["`batch_size`", "2048", "8 images", "--rescale"],
    ),
    "validation with another class": (
        train("train", "--val", "val"),
        ["'val'", "class 'c'", "the 2 training classes are a, b"],
    ),
    "a misspelt path of validation": (
        train("train", "--val", "va"),
        ["no folder 'va'", "Did you mean 'val'?"],
    ),
    "a folder for data on the device": (
        ["train", "DAWNBench", "--data", "train"],
        ["`dataset`", "data_on_device=True", "received 'train'"],
    ),
    "data on the device of another size": (
        ["train", "DAWNBench", "--data", "small.npz", "--set", "batch_size=4"],
        ["`train_size` is 32", "16 x 16", "data_on_device=False"],
    ),
    "a recipe that needs more than cards on the device": (
        train("small.npz", "--set", "data_on_device=True"),
        ["`augmentation` with data_on_device=True", "PadAndCrop", "RandomResizedCrop("],
    ),
    # Weights and teachers.
    "a misspelt tag": (
        ["train", "A1", "--data", "train", "--set", "weights=a1_in1", "--set", "batch_size=4"],
        ["weights='a1_in1'", "mean `a1_in1k`?", ".safetensors"],
    ),
    "a tag that the network has not": (
        train("train", "--set", "weights=a1_in1k"),
        ["weights='a1_in1k'", "`weights` of ResNet20", "there are none", "the path"],
    ),
    "weights that are not there": (
        train("train", "--set", "weights=my.weights.h5"),
        ["weights='my.weights.h5'", "existing .safetensors"],
    ),
    "weights of another network": (
        train("train", "--set", "weights=run", "--set", "network=ResNet32"),
        ["`weights` 'run'", "network='ResNet32'", "'ResNet20'"],
    ),
    "no teacher": (
        ["train", "Distill", "--data", "train", "--set", "network=ResNet20", "--rescale", "4"],
        ["`teacher` must be given", "ResNet152D", "distillation=None"],
    ),
    "a teacher that is not there": (
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
        ["`run_dir` 'run'", "seed=0", "received 3"],
    ),
    "a folder of something else for a run": (
        train("train", "--run-dir", "val"),
        ["`run_dir`", "'val'", "empty, or new"],
    ),
    "a file for a run": (train("train", "--run-dir", "note"), ["`run_dir`", "'note'"]),
    "a run below a file": (
        train("train", "--run-dir", "note/run"),
        ["`run_dir`", "'note/run'", "can be made and written to"],
    ),
    "a run where nobody may write": (
        train("train", "--run-dir", "/proc/run"),
        ["`run_dir`", "'/proc/run'", "can be made and written to"],
    ),
    "damaged saves": (
        train("small.npz", "--run-dir", "torn", "--set", "classes=2"),
        ["no save in 'torn' is whole", "another `run_dir`"],
    ),
    "half a recipe": (
        train("small.npz", "--run-dir", "cut", "--set", "classes=2"),
        ["cut/recipe.json", "a recipe's JSON file"],
    ),
    "a recipe with an unknown field": (
        ["evaluate", "odd", "--data", "train"],
        ["odd/recipe.json", "`epoch`", "mean `epochs`?"],
    ),
    "a run that is not there": (["evaluate", "none", "--data", "x"], ["`path`", "'none'", "run"]),
    "a run with other classes": (
        ["evaluate", "run", "--data", "three"],
        ["`classes` is 2", "'three' has 3"],
    ),
    "the best of a run without evaluations": (
        ["evaluate", "run", "--data", "train", "--weights", "best"],
        ["'run' has no best weights", "only `weights` 'last'"],
    ),
    # Numbers of the command line.
    "no seeds": (train("train", "--seeds", "0"), ["`--seeds`", "at least 1", "received 0"]),
    "a negative seed": (train("train", "--seed", "-1"), ["`seed`", "from 0 to", "received -1"]),
    "a batch of nothing": (
        ["train", "A3", "--data", "train", "--rescale", "0"],
        ["`batch_size`", "at least 1", "batch_size=0"],
    ),
    "saves without a folder": (
        train("train", "--save-every-steps", "5"),
        ["`save_every_steps`", "`run_dir`", "received 5"],
    ),
    "a misspelt distribution": (
        train("train", "--distribution", "mirror"),
        ["`distribution`", "'mirrored'", "'mirror'"],
    ),
    "a distribution of another backend": (
        train("train", "--distribution", "data_parallel"),
        ["'data_parallel'", "'jax'", "Use 'mirrored'"],
    ),
    # Output.
    "a picture in no folder": (
        ["preview", "A3", "--data", "train", "--out", "no/x.png"],
        ["`path` of a picture", "existing folder", "'no/x.png'"],
    ),
    "a picture of no kind": (
        ["preview", "A3", "--data", "train", "--out", "x.xyz"],
        ["`path` of a picture", ".png", "'x.xyz'"],
    ),
    "data prepared into one of its classes": (
        ["prepare", "train", "train/prepared"],
        ["`DST` must not be in SRC, whose subfolders are classes", "'train/prepared'"],
    ),
    "JPEG quality of pixels": (
        ["prepare", "train", "new", "--raw", "--quality", "50"],
        ["`--quality` is of JPEG, which `--raw` does not write"],
    ),
    "data prepared into something else": (
        ["prepare", "train", "val"],
        ["`path`", "new or empty", "'val'"],
    ),
    "arguments of timm in no file": (["from-timm", "none.yaml"], ["`path`", "'none.yaml'"]),
}


@pytest.mark.parametrize("mistake", COMMANDS)
def test_a_mistake_is_told_and_the_exit_code_is_2(mistake, made, monkeypatch, capsys):
    arguments, words = COMMANDS[mistake]
    monkeypatch.chdir(made)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    # One line first; only the comparison with another recipe has more.
    assert re.search("(^|\n)krr: error: ", told)
    assert "Traceback" not in told
    # Of a table, however wide its columns are.
    assert [word for word in words if word not in " ".join(told.split())] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["trian", "A1"], "invalid choice: 'trian'"),
        (["train", "A1"], "required: --data"),
        (["compare"], "required: RECIPE"),
        (train("train", "--seeds", "x"), "--seeds: invalid int value: 'x'"),
        (train("train", "--on-nan", "go"), "choose from 'stop', 'skip'"),
    ],
)
def test_the_parser_tells_its_own(arguments, words, capsys):
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
    "labels that are no integers": (
        lambda: fit((X, Y / 1.0)),
        ["`labels`", "integers", "float64", "astype(int)"],
    ),
    "labels out of range": (
        lambda: fit((X, Y + 5), RECIPE.replace(classes=2)),
        ["labels of the arrays", "0..1", "Received: 6"],
    ),
    "fewer labels than images": (lambda: fit((X, Y[:5])), ["`labels`", "(8)", "Received: 5"]),
    "pictures of 0..1": (lambda: fit((X / 255, Y)), ["`images`", "0..255", "0..1", "by 255"]),
    "pictures of 0..1 in a stream": (
        lambda: fit(stream(X / 255, Y)),
        ["`dataset`", "0..255", "0..1", "by 255"],
    ),
    "normalised pictures": (
        lambda: fit((X / 127.5 - 1, Y)),
        ["`images`", "0..255", "-1..1", "without normalization"],
    ),
    "channels first": (
        lambda: fit((np.moveaxis(X, -1, 1), Y)),
        ["`images`", "(8, 3, 16, 16)", "np.moveaxis(images, 1, -1)"],
    ),
    "pictures with alpha": (
        lambda: fit((np.concatenate([X, X[..., :1]], -1), Y)),
        ["`images`", "(8, 16, 16, 4)", "images[..., :3]"],
    ),
    "pictures of int32": (lambda: fit((X.astype("int32"), Y)), ["`images`", "uint8", "int32"]),
    "pictures without labels": (lambda: fit(X), ["`dataset`", "arrays (x, y)", "ndarray"]),
    "three arrays": (lambda: fit((X, Y, Y)), ["`dataset`", "arrays (x, y)", "a tuple of 3"]),
    "a generator": (lambda: fit(iter([(X, Y)])), ["`dataset`", "list_iterator"]),
    "dictionaries": (
        lambda: fit(stream().map(lambda x, y: {"picture": x, "label": y})),
        ["`dataset`", "must yield (image, label)", "a dictionary of picture, label"],
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
    "a stream without end": (
        lambda: fit(stream().repeat(), RECIPE.replace(classes=2)),
        ["`steps_per_epoch` must be given", "infinite"],
    ),
    "no updates": (lambda: fit((X, Y), steps_per_epoch=0), ["`steps_per_epoch`", "at least 1"]),
    "more classes in validation": (
        lambda: fit((X, Y), validation_data=(X, np.arange(8) % 4)),
        ["labels of the arrays", "0..1", "Received: 3"],
    ),
    "a model by name": (
        lambda: fit((X, Y), model="ResNet50"),
        ["`model`", "a Keras model", "'ResNet50'"],
    ),
    "a network that is not called": (
        lambda: fit((X, Y), model=krr.applications.ResNet20),
        ["`model`", "ResNet50(...)", "function"],
    ),
    "a model without logits": (
        lambda: fit((X, Y), model=krr.applications.ResNet20(**TINY)),
        ["`model`", "logits", "classifier_activation=None"],
    ),
    "a model of other classes": (
        lambda: fit((X, Y), model=krr.applications.ResNet20(**{**TINY, "classes": 5})),
        ["`model`", "2 outputs", "received 5"],
    ),
    "a model of another size": (
        lambda: fit(
            (X, Y),
            RECIPE.replace(train_size=32),
            model=krr.applications.ResNet20(**TINY, classifier_activation=None),
        ),
        ["`train_size`", "16 x 16", "received 32"],
    ),
    "a model of other classes to evaluate": (
        lambda: RECIPE.replace(classes=10).evaluate(krr.applications.ResNet20(**TINY), (X, Y)),
        ["`model`", "10 outputs", "received 2"],
    ),
    "a teacher of other classes": (
        lambda: fit(
            (X, Y),
            RECIPE.replace(distillation=krr.recipe.Distillation()),
            teacher=krr.applications.ResNet20(**{**TINY, "classes": 3}, classifier_activation=None),
        ),
        ["`teacher`", "2 logits", "(None, 3)"],
    ),
    "one callback": (
        lambda: fit((X, Y), callbacks=keras.callbacks.Callback()),
        ["`callbacks`", "a list", "Callback"],
    ),
    "a number for a folder": (lambda: fit((X, Y), run_dir=3), ["`run_dir`", "folder", "3"]),
    "an ingredient by name": (
        lambda: RECIPE.replace(augmentation="randaugment"),
        ["`augmentation`", "a tuple, each an Augmentation", "'randaugment'"],
    ),
    "a number of a part that is not there": (
        lambda: krr.A1(cutout_size=8),
        ["`cutout_size`", "Cutout", "A1 does not have", "augmentation=(..., Cutout(...))"],
    ),
    "weights=True": (
        lambda: krr.applications.ResNet50(weights=True),
        ["weights=True", "'a1_in1k'", "path"],
    ),
    "weights of keras.applications": (
        lambda: krr.applications.ResNet50(weights="imagenet"),
        ["weights='imagenet'", "a1_in1k"],
    ),
    "a batch that devices cannot share": (
        lambda: parts.check_share(RECIPE, 3),
        ["`batch_size`", "the 3 devices", "received 4 / 1"],
    ),
    "a value without a name": (lambda: krr.A1(300), ["`A1`", "by name", "300"]),
    "a number in quotes": (lambda: krr.A1(epochs="300"), ["`epochs`", "an integer", "'300'"]),
    "a misspelt field of one's own recipe": (
        lambda: type("Mine", (krr.Recipe,), {"epoch": 3}),
        ["`Mine`", "`epoch`", "mean `epochs`?"],
    ),
    "a recipe that inherits from a published one": (
        lambda: type("Mine", (krr.A1,), {"epochs": 3}),
        ["`Mine`", "`Recipe` alone", "A1"],
    ),
    "classes for recipes": (
        lambda: krr.compare(krr.A1, krr.A2),
        ["`recipes`", "krr.A1()", "class"],
    ),
}


@pytest.mark.parametrize("mistake", CALLS)
def test_a_mistake_in_python_is_a_value_error(mistake):
    call, words = CALLS[mistake]
    with pytest.raises(ValueError) as told:  # noqa: PT011 (the words are compared below)
        call()
    assert [word for word in words if word not in str(told.value)] == []


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("matplotlib", ["preview", "A3", "--data", "train"], "keras-resnet-recipes[plot]"),
        (
            "tf2onnx",
            ["export", "run", "--to", "onnx", "--out", "m.onnx"],
            "keras-resnet-recipes[export]",
        ),
        ("huggingface_hub", ["card", "run", "--push", "a/b"], "keras-resnet-recipes[hub]"),
        (
            "huggingface_hub",
            ["predict", "ResNet50", "train", "--weights", "a1_in1k"],
            "keras-resnet-recipes[hub]",
        ),
        (
            "tensorflow_datasets",
            train("tfds:mnist"),
            "pip install 'keras-resnet-recipes[tensorflow]'",
        ),
        ("yaml", ["from-timm", "note"], "keras-resnet-recipes[timm]"),
    ],
)
def test_what_is_not_installed_is_named(module, arguments, words, made, monkeypatch, capsys):
    for name in [module, *(name for name in sys.modules if name.startswith(f"{module}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.chdir(made)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_data_set_that_the_device_cannot_hold(monkeypatch):
    def full(*_):
        raise MemoryError("Unable to allocate 150 GiB")

    recipe = krr.DAWNBench(classes=2, train_size=16, test_size=16, batch_size=4)
    monkeypatch.setattr(resident.ops, "convert_to_tensor", full)
    # 8 pictures of 768 bytes.
    with pytest.raises(ValueError, match=r"`data_on_device` must be False .* 0\.0 GB"):
        resident.Feed(recipe, resident.read((X, Y)), None, steps=2)


def test_other_errors_of_the_device_stay_what_they_are(monkeypatch):
    def broken(*_):
        raise RuntimeError("no such device")

    recipe = krr.DAWNBench(classes=2, train_size=16, test_size=16, batch_size=4)
    monkeypatch.setattr(resident.ops, "convert_to_tensor", broken)
    with pytest.raises(RuntimeError, match="no such device"):
        resident.Feed(recipe, resident.read((X, Y)), None, steps=2)


def test_no_memory_is_one_line(monkeypatch, capsys):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 150 GiB")

    monkeypatch.setattr(krr.Recipe, "preview", full)
    assert main(["preview", "A3", "--data", "train"]) == 1
    assert capsys.readouterr().err == "krr: error: out of memory. Unable to allocate 150 GiB\n"


def test_an_unknown_name_of_the_package_has_a_hint():
    with pytest.raises(AttributeError, match=r"no attribute 'BagOfTrick'. Did you mean `BagOfT"):
        krr.BagOfTrick  # noqa: B018 (that is the mistake)


@pytest.mark.parametrize("debug", [False, True])
def test_an_unknown_backend_is_one_line(debug):
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
        assert "KERAS_BACKEND is 'tensorflw'; it must be one of tensorflow, jax, torch" in last
        assert "Traceback" not in done.stderr
        assert done.returncode == 2
