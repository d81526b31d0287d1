"""The model card, read by huggingface_hub, and its upload to a local hub."""

import io
import json
import re
import shutil
import sys
import time

import h5py
import numpy as np
import pytest
from huggingface_hub import ModelCard, constants
from PIL import Image

import keras_resnet_recipes as krr
from keras_resnet_recipes import training
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation import Examination
from keras_resnet_recipes.files import without_folders
from keras_resnet_recipes.report import push_run, pushed_files, read_run, write_card
from keras_resnet_recipes.report.folder import public
from keras_resnet_recipes.report.plots import save_confusion
from tests.report.folders import FACTS, RECIPE, make_run
from tests.report.push_server import COMMIT, serving
from tests.tiny import tiny_resnet20

# huggingface_hub 2.4 passes files to httpx as `data`, which httpx deprecates in favor of `content`.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
    pytest.mark.usefixtures("tiny_resnet20"),
]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A local hub, and a client configured for it with a valid token."""
    with serving() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        # The default storage protocol needs a compiled library; the local hub has the older one.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setenv("HF_TOKEN", "hf_right")
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        yield server


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the trained run."""
    return shutil.copytree(trained / "run", tmp_path / "run")


def test_the_hub_reads_the_metadata_of_the_card(tmp_path):
    path = write_card(read_run(make_run(tmp_path / "flowers")), license="cc-by-4.0")
    assert path == tmp_path / "flowers" / "README.md"
    data = ModelCard.load(path).data
    assert (data.library_name, data.pipeline_tag) == ("keras", "image-classification")
    assert (data.license, data.model_name) == ("cc-by-4.0", "flowers")
    assert {"keras-resnet-recipes", "ResNet18", "A3"} <= set(data.tags)
    assert data.metrics == ["accuracy"]
    found = [(r.metric_name, r.metric_value, r.dataset_name) for r in data.eval_results]
    assert found == [
        ("top-1 accuracy", 0.5, "train, validation split"),
        ("top-5 accuracy", 0.9, "train, validation split"),
    ]


def test_the_text_has_epoch_data_and_changes_but_no_paths(tmp_path):
    text = write_card(read_run(make_run(tmp_path / "flowers")), dataset="Five flowers").read_text()
    assert "On the validation split of Five flowers, with the weights of epoch 2" in text
    assert "78.1 % on ImageNet-1k, is not comparable because the data set has 240 training" in text
    assert "| batch_size | 32 | 2048 |" in text
    assert "daisy, tulips" in text
    assert "/home/" not in text
    assert "license:" not in text
    assert "## License\n\nNot stated." in text


def test_the_patterns_of_groups_are_no_paths(tmp_path):
    recipe = krr.Airbench94(classes=2)
    assert "/" in recipe.groups[-1].on
    run = read_run(make_run(tmp_path / "run", recipe=recipe))
    assert public(run).recipe == recipe


def test_the_card_shows_curves_and_confusions(run, trained, capsys):
    words = ["card", str(run), "--data", str(trained / "val")]
    assert main(words) == 0
    text = (run / "README.md").read_text()
    shown = re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", text)
    assert shown == [
        ("Loss and top-1 per epoch", "curves.png"),
        ("Confusion matrix", "confusion.png"),
    ]
    for name in ("curves.png", "confusion.png"):
        with Image.open(run / name) as image:
            image.load()
            assert (image.format, image.width > 300, image.height > 300) == ("PNG", True, True)
    assert {"curves.png", "confusion.png"} < set(pushed_files(read_run(run)))
    assert str(trained) not in text
    assert main(words) == 2


def test_many_classes_get_a_reliability_diagram(tmp_path):
    labels = np.arange(40)
    found = Examination(
        dataset="forty",
        class_names=tuple(map(str, labels)),
        activation="softmax",
        labels=labels,
        predicted=labels[::-1],
        probabilities=np.linspace(0.1, 1, 40),
    )
    assert save_confusion(found, tmp_path / "a.png").startswith("Accuracy by probability")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"


def test_without_matplotlib_the_card_has_no_images(run, trained, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["card", str(run), "--data", str(trained / "val")]) == 0
    assert "![" not in (run / "README.md").read_text()
    assert not list(run.glob("*.png"))
    assert capsys.readouterr().err == ""


def test_without_validation_there_are_no_metrics(tmp_path):
    folder = make_run(tmp_path / "run", 1)
    (folder / "log.csv").write_text("epoch,loss,top1\n0,0.5,0.1\n")
    path = write_card(read_run(folder))
    assert ModelCard.load(path).data.eval_results is None
    assert "no accuracy on validation data" in path.read_text()


def test_names_are_escaped_in_yaml_markdown_and_html(tmp_path):
    name = 'a: "b"\n---\nlicense: mit <script>|`# *c*'
    facts = {"class_names": ["<script>alert(1)</script>", "[b](c)"], "dataset": name}
    facts |= {"images": "<script>", "versions": {"keras_resnet_recipes": "<script>"}}
    path = write_card(read_run(make_run(tmp_path / "it's: [a] run", facts=facts)))
    data = ModelCard.load(path).data
    assert data.license is None
    assert data.model_name == "it's: [a] run"
    assert data.eval_results[0].dataset_name == f"{name}, validation split"
    text = path.read_text().split("\n---\n", 1)[1]
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, \\[b\\](c)" in text


def test_an_existing_card_is_kept(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    assert main(["card", str(folder), "--license", "mit"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{folder / 'README.md'}\n")
    assert "--push would upload to OWNER/NAME:" in out
    assert "  best.weights.h5: best weights, without the optimizer state" in out
    assert main(["card", str(folder)]) == 2
    assert "must not have a README.md" in capsys.readouterr().err
    assert main(["card", str(folder), "--license", "mit", "--push", "somebody/flowers"]) == 2
    assert "must not be given if the card exists" in capsys.readouterr().err


def test_the_upload_is_a_run_folder_without_paths(run, hub, trained, tmp_path, capsys):
    (run / "README.md").write_text("---\nlicense: mit\n---\nwritten by hand\n")
    command = ["card", str(run), "--push", "somebody/flowers", "--private"]
    assert main(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Uploading to somebody/flowers:"
    assert out[-1] == f"{hub.url}/somebody/flowers/commit/{COMMIT}"
    assert {line.split(":")[0].strip() for line in out[1:-1]} == set(hub.committed)
    (request,) = hub.repositories
    assert (request["organization"], request["name"]) == ("somebody", "flowers")
    assert request["visibility"] == "private"
    assert len(hub.commits) == 1
    assert hub.committed["README.md"].endswith(b"written by hand\n")
    for name in ("recipe.json", "log.csv"):
        assert hub.committed[name] == (run / name).read_bytes()
    assert "command" not in json.loads(hub.committed["run.json"])
    assert not [
        name for name, contents in hub.committed.items() if str(trained).encode() in contents
    ]
    # The optimizer state is not uploaded.
    pushed = io.BytesIO(hub.committed["best.weights.h5"])
    for file, expected in ((run / "last.weights.h5", True), (pushed, False)):
        with h5py.File(file) as weights:
            assert ("optimizer" in weights) == expected
    loaded = tmp_path / "downloaded"
    loaded.mkdir()
    for name, contents in hub.committed.items():
        (loaded / name).write_bytes(contents)
    downloaded, local = training.load_run(loaded), training.load_run(run)
    assert downloaded.class_names == local.class_names
    for one, other in zip(downloaded.get_weights(), local.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert main(command) == 0
    assert len(hub.commits) == 2, "an existing repository gets another commit"


@pytest.fixture(scope="module")
def private_run(trained, tmp_path_factory):
    """A folder `secret place` with weights, a teacher and data, and a run that used them."""
    secret = tmp_path_factory.mktemp("x") / "secret place"
    data = shutil.copytree(trained / "train", secret / "flowers")
    training.load_run(trained / "run").save(secret / "teacher.keras")
    shutil.copytree(trained / "run", secret / "base")
    command = ["train", "A3", "--data", str(data), "--val", str(data), "--run-dir"]
    command += [str(secret / "run"), "--rescale", "8", "--teacher", str(secret / "teacher.keras")]
    changes = ["network=ResNet20", "epochs=1", "warmup_epochs=0", "train_size=16", "test_size=16"]
    changes += ["rand_augment=None", f"weights={secret / 'base'}", "distillation=Distillation()"]
    with tiny_resnet20(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["krr", *command])
        assert main([*command, *(word for change in changes for word in ("--set", change))]) == 0
    return secret / "run"


def test_nothing_that_is_uploaded_names_a_folder_of_this_machine(private_run, hub, capsys):
    for file in ("recipe.json", "run.json"):
        assert "secret place" in (private_run / file).read_text(), "resuming needs it"
    assert main(["card", str(private_run), "--push", "somebody/flowers"]) == 0
    assert {"README.md", "recipe.json", "run.json", "log.csv"} < set(hub.committed)
    uploaded = {**hub.committed, "commits": json.dumps(hub.commits).encode()}
    for name, contents in uploaded.items():
        assert b"secret" not in contents, name
        assert str(private_run.parent.parent).encode() not in contents, name
    assert json.loads(hub.committed["recipe.json"])["weights"] == "base"
    assert json.loads(hub.committed["run.json"])["dataset"] == "flowers"
    card = hub.committed["README.md"].decode()
    assert "trained on flowers (16 images)" in card
    assert "| weights | base | random |" in card
    # Nor does the card that stays here.
    assert "secret" not in (private_run / "README.md").read_text()
    assert "secret" in krr.load_recipe(private_run).weights


def test_a_card_that_names_a_folder_of_this_machine_is_not_pushed(run, hub, capsys):
    (run / "README.md").write_text(f"Resumed from {run.parent}/other.\n")
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 2
    assert f"must not name folders of this machine. Received: {str(run.parent)!r}" in (
        capsys.readouterr().err
    )
    assert hub.repositories == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/home/me/run/best.weights.h5", "best.weights.h5"),
        ("runs/base/", "base"),
        ("~/base", "base"),
        (r"C:\Users\me\base", "base"),
        (r"\\server\share\base", "base"),
        ("'/home/me/my data/train'", "train"),
        ("tfds:imagenette/160px-v2", "tfds:imagenette/160px-v2"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        ("a1_in1k", "a1_in1k"),
        ({"a": [1, None, "/b/c"]}, {"a": [1, None, "c"]}),
    ],
)
def test_a_path_becomes_its_last_component(value, shown):
    assert without_folders(value) == shown


def test_pushing_writes_a_missing_card(run, hub, capsys):
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 0
    assert "The card states no license" in capsys.readouterr().out
    written = (run / "README.md").read_text()
    assert "hf download OWNER/NAME --local-dir model" in written
    pushed = hub.committed["README.md"].decode()
    assert pushed == written.replace("hf download OWNER/NAME", "hf download somebody/flowers")


def test_without_a_token(run, hub, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 2
    assert "A token for the hub is missing: run `hf auth login`" in capsys.readouterr().err
    assert hub.repositories == []


def test_with_a_wrong_token(run, hub, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 2
    assert "The hub rejected the token for somebody/flowers" in capsys.readouterr().err


def test_a_failing_and_an_unreachable_hub(run, hub, capsys):
    hub.fails = 507
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 2
    assert "The upload to somebody/flowers failed" in capsys.readouterr().err
    hub.shutdown()
    hub.server_close()
    assert main(["card", str(run), "--push", "somebody/flowers"]) == 2
    assert "The upload to somebody/flowers failed" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["flowers", "a/b/c", "../x", "a b/c", "/x", ""])
def test_an_invalid_repository_name(tmp_path, name):
    with pytest.raises(ValueError, match="must be OWNER/NAME"):
        push_run(read_run(make_run(tmp_path / "run")), name)


@pytest.mark.full
def test_incomplete_runs_are_not_pushed(tmp_path, hub, monkeypatch):
    run = read_run(make_run(tmp_path / "run", 0))
    with pytest.raises(ValueError, match=r"must have a README\.md"):
        push_run(run, "somebody/flowers")
    write_card(run)
    with pytest.raises(ValueError, match="must have weights to upload"):
        push_run(run, "somebody/flowers")
    own = read_run(make_run(tmp_path / "own", facts={**FACTS, "own_model": True}, recipe=RECIPE))
    write_card(own)
    with pytest.raises(ValueError, match="trained with a model given as `model=`"):
        push_run(own, "somebody/flowers")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[hub\]'"):
        push_run(own, "somebody/flowers")
    assert hub.commits == []
    assert krr.load_recipe(own.path) == RECIPE
