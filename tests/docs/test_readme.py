"""README.md: its table is that of the recipes, and its code and commands are understood."""

import inspect
import re
import shlex

import keras
import numpy as np
import pytest
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import _parser
from tests.docs import links

README = (links.ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^    (krr .*?)(?:    #.*)?$", README, re.MULTILINE)
ROWS = {
    row[0]: row[1:]
    for row in re.findall(r"^\| \[(\w+)\]\(docs/recipes\.md#(\w+)\)(.*?) \|(.*)\|$", README, re.M)
}


@pytest.mark.parametrize("name", krr.RECIPES)
def test_every_recipe_is_named_with_its_figures(name):
    recipe = krr.RECIPES[name]()
    if recipe.missing() and "step_epochs" not in recipe.missing() and name != "LinearProbe":
        assert name in re.search(r"^(.*) lack numbers", README, re.M)[1]
        return
    anchor, length, cells = ROWS[name]
    assert anchor == name.lower()
    lengths = [epochs for epochs, _ in recipe.published_lengths] or [recipe.epochs]
    if length:
        shown = f"{min(lengths)} to {max(lengths)}" if len(lengths) > 1 else f"{recipe.epochs}"
        assert length == f", {shown} epochs"
    network, published, reached = (cell.strip() for cell in cells.split("|"))
    assert recipe.published_on.removesuffix("-1k") in network + published
    assert published.startswith(f"{recipe.published_top1} %")
    reached_top1 = recipe.reached_top1
    wanted = "not measured" if reached_top1 is None else f"[{reached_top1} %](docs/reached.md)"
    assert reached == wanted


def test_the_code_runs(tmp_path, monkeypatch):
    """With one image per class, and without the trainings themselves."""
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        file = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(file)
    calls = []
    for kind in (krr.Recipe, keras.Model):
        signature = inspect.signature(kind.fit)

        def fit(self, *arguments, signature=signature, **options):
            calls.append(signature.bind(self, *arguments, **options))

        monkeypatch.setattr(kind, "fit", fit)
    space = {"keras": keras, "batches": [(np.zeros((2, 32, 32, 3)), np.eye(10)[:2])]}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), space)
    assert len(calls) == 3
    assert (tmp_path / "recipe.json").is_file()


def test_the_commands_are_understood():
    assert len(COMMANDS) >= 6
    for command in COMMANDS:
        _parser().parse_args(shlex.split(command)[1:])


def test_the_citation_has_the_version_and_license():
    citation = (links.ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {krr.__version__}\n" in citation
    assert "\nlicense: Apache-2.0\n" in citation
