"""Pages of docs/: their code runs, and the files they name exist. `make docs` builds the site itself."""

import re
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.part import Part
from tests.docs import api, documents, links, scenes, sessions, values

DOCS = links.ROOT / "docs"
INGREDIENTS = sorted(DOCS.glob("ingredients/*.md"))
ADD = sorted(DOCS.glob("add/*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_CODE = [
    page for page in (DOCS / "choose.md", *ADD, *INGREDIENTS) if BLOCK.search(page.read_text())
]
# Settings of a training run that have no page.
NO_INGREDIENTS = {"network", "epochs", "batch_size", "data_on_device"}


def name(page):
    return page.relative_to(DOCS).as_posix()


def test_there_are_pages():
    assert len(INGREDIENTS) >= 30
    assert len(WITH_CODE) >= 20


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Hide parts defined by other pages and docstrings: their names may clash.
    ours = {n: one for n, one in Part.known.items() if n in vars(sys.modules[one.__module__])}
    monkeypatch.setattr(Part, "known", ours)
    space = {"__name__": "page"}
    for block in BLOCK.findall(page.read_text()):
        exec(compile(block, page.name, "exec"), space)


def test_validation_images_in_one_folder_can_be_listed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("val").mkdir()
    for number in (1, 2):
        keras.utils.save_img(f"val/ILSVRC2012_val_{number:08}.JPEG", np.zeros((4, 4, 3)))
    boxes = "n03995372 85 1 499 272 n03481172 131 0 499 254", "n01440764 5 5 9 9"
    lines = (f"ILSVRC2012_val_{number:08},{each} " for number, each in enumerate(boxes, start=1))
    Path("LOC_val_solution.csv").write_text("\n".join(("ImageId,PredictionString", *lines)))
    page = (DOCS / "testing.md").read_text()
    program = BLOCK.search(page, page.index("LOC_val_solution"))[1]
    exec(compile(program, "testing.md", "exec"), {})
    found = krr.data.from_csv("val.csv")
    assert found.labels.tolist() == [1, 0]
    assert found.class_names == ("n01440764", "n03995372")


def test_every_number_that_a_recipe_sets_is_on_a_page():
    shown = set.union(*(values.fields_in(page.read_text()) for page in INGREDIENTS))
    used = set.union(*(values.set_in(recipe()) for recipe in krr.RECIPES.values()))
    assert used - shown == NO_INGREDIENTS
    assert shown <= {*values.FIELDS}


def test_every_ingredient_is_linked_from_a_page():
    pages = "".join(page.read_text() for page in INGREDIENTS)
    classes = [
        f"{module.__name__}.{name}"
        for module in (krr.augment, krr.layers, krr.losses, krr.optimizers, krr.schedules)
        for name in module.__all__
        if name[0].isupper()
    ]
    assert len(classes) >= 30
    linked = {path for path in classes if f"[{path}]" in pages}
    # The base class of schedules, and the return type of `per_update`.
    names = ("schedules.Schedule", "schedules.PerUpdate")
    assert {*classes} - linked == {f"{krr.__name__}.{name}" for name in names}


def test_a_table_contains_the_values_of_the_recipes():
    text = values.with_tables("before\n<!-- values: drop_path_rate -->\nafter")
    assert text.startswith("before\n| name |")
    assert "| [A1](../recipes.md#a1) | 0.05 |\n" in text
    assert "A3" not in text
    assert "| [B](../recipes.md#b) | not published |" in values.with_tables(
        "<!-- values: RMSpropTF learning_rate -->"
    )
    assert values.with_tables("<!-- values: whitening -->").endswith("No recipe sets it.")


def test_work_is_counted_in_units_of_a3():
    rows = values.with_tables(values.BUDGETS).splitlines()
    assert any(
        row.startswith("| [A3](recipes.md#a3) | 1.0 | 100 | 160 | ResNet50 |") for row in rows
    )
    # 12 epochs at 160 pixels and 4 at 192 of 100 at 160
    fast = "| [FFCVResNet50](recipes.md#ffcvresnet50) | 0.2 | 16 | 160 to 192 | BlurResNet50 | 73.8 % |"
    assert fast in rows
    # 600 epochs at 224 pixels: 6 * (224 / 160)^2
    assert rows[-1].startswith("| [A1](recipes.md#a1) | 11.8 | 600 |")


@pytest.mark.parametrize("page", ADD, ids=name)
def test_files_to_change_exist(page):
    named = re.findall(r"`((?:keras_resnet_recipes|tests|docs)/[^`]*)`", page.read_text())
    assert named
    assert [path for path in named if not (links.ROOT / path).exists()] == []


def test_every_answer_links_to_its_question():
    questions = (DOCS / "faq.md").read_text().split("\n## ")[1:]
    assert len(questions) >= 10
    for question in questions:
        number = re.search(r"#(\d+)\)$", question.partition("\n")[0])[1]
        assert re.search(rf"\(https://github\.com/[^)]*/{number}\)", question), question


def test_links_out_of_docs_lead_to_generated_pages():
    text = "[a](../examples/digits.py) [b](../tests/golden) [c](moving.md#x) [d](../nowhere.py)"
    assert links.within_site(text, "heads.md") == (
        "[a](source/examples/digits.py.md) [b](source/tests/golden/README.md) [c](moving.md#x) [d](../nowhere.py)"
    )
    assert links.within_site("[e](docs/heads.md)", "index.md") == "[e](heads.md)"
    pages = links.pages()
    assert "```python" in pages["source/examples/segmentation.py.md"]
    assert pages["contributing.md"] == (links.ROOT / "CONTRIBUTING.md").read_text()
    assert "source/tests/golden/README.md" in pages
    assert "heads.md" not in pages


def test_sessions_become_code_blocks():
    text = (
        "Doubles.\n\n>>> double(\n...     1\n... )\n2\n\nExample:\n    >>> double(2)\n    4\n\nEnd."
    )
    assert sessions.fenced(text) == (
        "Doubles.\n\n```pycon\n>>> double(\n...     1\n... )\n2\n```\n\nExample:\n"
        "    ```pycon\n    >>> double(2)\n    4\n    ```\n\nEnd."
    )


def test_missing_names_and_external_resources_are_found():
    page = documents.Document(
        '<h2 id="a.f">f</h2><a href="https://there"></a><script src="https://here/x.js"></script>'
    )
    assert documents.missing(["a.f", "a.g"], [page]) == ["a.g"]
    assert page.outside == ["https://here/x.js"]


def test_each_public_name_is_on_the_page_of_its_module():
    pages = api.pages()
    assert set(pages) == {"api/index.md", *(path for path in pages if path.startswith("api/krr"))}
    assert "::: keras_resnet_recipes.augment.MixUp\n" in pages["api/krr.augment.md"]
    assert 'id="keras_resnet_recipes.applications.ResNet50"' in pages["api/krr.applications.md"]
    # What a base class describes is a link.
    mixup = pages["api/krr.augment.md"].partition("::: keras_resnet_recipes.augment.MixUp\n")[2]
    mixup = mixup.partition("\n::: ")[0]
    assert "[`to_json`][keras_resnet_recipes.recipe.Part.to_json]" in mixup
    assert "As in Keras:" in pages["api/krr.layers.md"]
    # A name that is described on another page is a link.
    assert "[`A1`][keras_resnet_recipes.A1]" in pages["api/krr.recipes.md"]


def test_scenes_are_images():
    for scene in (scenes.harbor(), scenes.meadow()):
        assert scene.shape == (224, 224, 3)
        assert scene.dtype == "uint8"
        assert scene.std() > 30
