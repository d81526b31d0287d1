"""The package imports Keras only when needed, and TensorFlow only on its own backend."""

import os
import subprocess
import sys

import pytest

import keras_resnet_recipes as krr

BACKENDS = ("keras", "tensorflow", "jax", "torch")
HEAVY = f"[name for name in {BACKENDS} if name in sys.modules]"
RECIPES = """
import pathlib, sys, tempfile
import keras_resnet_recipes as krr
for kind in krr.RECIPES.values():
    recipe = kind(epochs=50)
    repr(recipe), str(recipe), recipe.sheet(every_row=True), recipe.citation(), recipe.missing()
    assert recipe == recipe.replace(epochs=50) != kind(epochs=51)
    str(recipe.diff(krr.A1()))
    with tempfile.TemporaryDirectory() as folder:
        recipe.to_json(folder + "/recipe.json")
        assert krr.load_recipe(folder) == recipe
str(krr.compare(krr.A1(), krr.A1(mixup_alpha=0.1, rand_augment=None)))
krr.A2(schedule=krr.schedules.Step(boundaries=(30,)), optimizer=krr.recipe.SGD()).rescaled(64)
"""
COMMAND = """
import sys
from keras_resnet_recipes.cli import main
try:
    assert main(sys.argv[1:]) == 0
except SystemExit as stop:
    assert stop.code == 0
"""
LIGHT = """
import sys, keras_resnet_recipes as krr, keras_resnet_recipes.cli
krr.A1(), krr.applications.ResNet20, krr.losses.BinaryCrossentropy(), krr.optimizers.Lamb(), krr.layers.MixUp(0.2)
"""


def run(program, *arguments, backend="tensorflow"):
    """Runs a program in a new process, which finally prints the modules of BACKENDS that it has imported."""
    program += f"\nprint({HEAVY})"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("import sys, keras_resnet_recipes", []),
        (RECIPES, []),
        (COMMAND, ["--help"]),
        (COMMAND, ["--version"]),
        (COMMAND, ["list"]),
        (COMMAND, ["show", "A1", "--all", "--set", "augmentation+=Cutout(size=8)"]),
        (COMMAND, ["compare", "A1", "A2", "A3"]),
    ],
    ids=["import", "recipes", "help", "version", "list", "show", "compare"],
)
def test_recipes_do_not_import_keras(program, arguments):
    done = run(program, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_do_not_import_tensorflow(backend):
    done = run(LIGHT, backend=backend)
    assert done.returncode == 0, done.stderr
    assert "tensorflow" not in done.stdout
    assert "keras" in done.stdout


def test_every_public_name_exists():
    for name in krr.__all__:
        assert getattr(krr, name) is not None
    assert set(krr.__all__) <= set(dir(krr))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        krr.nothing  # noqa: B018
