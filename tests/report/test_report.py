"""The HTML report on finished, running and stopped runs; it contains no code."""

import html.parser
import os
import re

import numpy as np
import pytest

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.evaluation import examine
from keras_resnet_recipes.report import read_run, write_card, write_report
from keras_resnet_recipes.report.published import published_note
from keras_resnet_recipes.training import load_run
from tests.report.folders import FACTS, RECIPE, make_run

pytestmark = pytest.mark.usefixtures("tiny_resnet20")


class Document(html.parser.HTMLParser):
    """Elements and text of a page; requires that every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def read(path):
    return Document(path.read_text())


def test_a_finished_run(tmp_path):
    path = write_report(make_run(tmp_path / "flowers"))
    assert path == tmp_path / "flowers" / "report.html"
    page = read(path)
    assert "flowers: A3 with ResNet18 finished: 4 epochs" in page.text
    assert "this run, last epoch 45.00 % 90.00 % 4 /home/somebody/flowers/val" in page.text
    assert "this run, best 50.00 % 90.00 % 2 /home/somebody/flowers/val" in page.text
    assert "203 images/s, last epoch 6.7 min" in page.text
    for known in ("a processor", "gpu:0", "3.15.1", FACTS["command"], "daisy, tulips", "--seed 3"):
        assert known in page.text
    charts = [values["aria-label"] for tag, values in page.elements if values.get("role") == "img"]
    names = ("loss", "top-1", "top-5", "learning rate", "images/s")
    assert charts == [f"{name} over epochs" for name in names]


def test_the_published_accuracy_is_shown_with_its_data_set(tmp_path):
    text = read(write_report(make_run(tmp_path / "run"))).text
    assert "A3, published 78.1 % – 100 ImageNet-1k" in text
    assert (
        "The published top-1 accuracy of A3, 78.1 % on ImageNet-1k, is not comparable because the data set has 240 "
        "training images of 2 classes and is not ImageNet-1k, the network is ResNet18 instead of ResNet50, and "
        "epochs, batch_size, warmup_epochs differ from the published recipe." in text
    )


@pytest.mark.parametrize(
    ("changes", "facts", "expected"),
    [
        (
            {},
            {},
            "is comparable: network and recipe are the same, and the data set has 50,000 training images of 10 ",
        ),
        (
            {"batch_size": 500},
            {},
            "is not comparable because batch_size differs from the published recipe.",
        ),
        (
            {"classes": 100},
            {},
            "because the data set has 50,000 training images of 100 classes and is not CIFAR-10.",
        ),
        ({}, {"own_model": True}, "is not comparable because the network was given as `model=`."),
        ({}, {"images": None}, "is not comparable because the data set is not recorded."),
        ({"precision": "float32"}, {}, "is comparable: network and recipe are the same"),
        (
            {"test_views": "one", "network": "ResNet20"},
            {},
            "because the network is ResNet20 instead of AirbenchNet and test_views differs from",
        ),
    ],
)
def test_a_published_figure_applies_to_the_same_data_network_and_recipe(
    tmp_path, changes, facts, expected
):
    recipe = krr.Airbench94(**{"classes": 10, **changes})
    top1 = (0.9,) * recipe.epochs
    folder = make_run(
        tmp_path / "run", recipe.epochs, recipe, {"images": 50_000, **facts}, top1=top1
    )
    figure = "The published top-1 accuracy of Airbench94, 94.01 % on CIFAR-10, "
    assert figure in published_note(read_run(folder))
    assert expected in published_note(read_run(folder))
    assert expected in read(write_report(folder)).text
    assert expected in write_card(read_run(folder)).read_text().replace("\\", "")


def test_a_figure_does_not_apply_to_an_unfinished_run(tmp_path):
    recipe = krr.Airbench94(classes=10)
    run = read_run(make_run(tmp_path / "run", 2, recipe, {"images": 50_000}))
    assert published_note(run).endswith("not comparable because the run is not finished.")


def test_a_published_length_has_its_figure(tmp_path):
    short = make_run(tmp_path / "run", recipe=krr.FFCVResNet50(epochs=16, classes=2))
    assert "FFCVResNet50, published 73.8 % – 16 ImageNet-1k" in read(write_report(short)).text
    other = make_run(tmp_path / "other", recipe=krr.FFCVResNet50(epochs=20, classes=2))
    assert "FFCVResNet50, published 78.4 % – 88 ImageNet-1k" in read(write_report(other)).text


def test_changed_fields_are_marked_next_to_the_published_values(tmp_path):
    path = write_report(make_run(tmp_path / "run"))
    marked = re.findall(
        r'<th scope="row">(\w+)</th><td><mark>([^<]*)</mark> <span class="soft">\((.*?) in A3\)<',
        path.read_text(),
    )
    assert marked == [
        ("network", "ResNet18", "ResNet50"),
        ("classes", "2", "from the data"),
        ("epochs", "4", "100"),
        ("batch_size", "32", "2048"),
        ("warmup_epochs", "1", "5"),
    ]


def test_the_page_has_no_external_resources(tmp_path):
    path = write_report(make_run(tmp_path / "run"))
    page, text = read(path), path.read_text()
    assert not {"script", "link", "iframe", "object", "a"} & {tag for tag, _ in page.elements}
    assert "url(" not in text
    assert "@import" not in text
    policy = next(values["content"] for _, values in page.elements if "http-equiv" in values)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@pytest.mark.parametrize(
    ("epochs", "idle", "state", "words"),
    [
        (4, 1e6, "finished", "finished: 4 epochs"),
        (
            2,
            200,
            "running",
            "running: epoch 3 of 4 Last update 3.3 min ago, about 3.3 min remaining.",
        ),
        (
            2,
            300,
            "stopped",
            "stopped after epoch 2 of 4 Last update 5.0 min ago. Run the same command again",
        ),
        (0, 600, "running", "running: epoch 1 of 4 Last update 10.0 min ago."),
        (
            0,
            9e5,
            "stopped",
            "stopped before the end of the first epoch Last update 10.4 days ago.",
        ),
    ],
)
def test_states(tmp_path, epochs, idle, state, words):
    folder = make_run(tmp_path / "run", epochs, idle=idle)
    assert read_run(folder).state == state
    text = read(write_report(folder)).text
    assert words in text
    assert ("No epoch is finished yet." in text) == (epochs == 0)


def test_the_log_of_an_older_version_has_no_times(tmp_path):
    folder = make_run(tmp_path / "run", 2)
    (folder / "log.csv").write_text(
        "epoch,loss,top1,learning_rate\n0,0.5,0.1,0.001\n1,,0.2,0.001\n"
    )
    text = read(write_report(folder)).text
    assert "– images/s, last epoch" in text
    assert "This run has no accuracy on validation data." in text


def test_problems_of_a_damaged_folder_are_listed(tmp_path):
    folder = make_run(tmp_path / "run", 2, idle=1e4)
    os.unlink(folder / "best.weights.h5")
    (folder / "last.weights.h5").write_bytes(b"cut off")
    (folder / "run.json").unlink()
    text = read(write_report(folder)).text
    assert "last.weights.h5 is damaged." in text
    assert "run.json is missing." in text
    (folder / "last.weights.h5").unlink()
    (folder / "run.json").write_text("{")
    (folder / "log.csv").write_text("epoch,loss\n0,hello\n")
    text = read(write_report(folder)).text
    for problem in ("There are no weights.", "does not describe a run", "is not the log of a run"):
        assert problem in text
    (folder / "recipe.json").unlink()
    with pytest.raises(ValueError, match="must be an existing JSON file of a recipe"):
        write_report(folder)


HOSTILE = "<script>alert('x')</script><img src=x onerror=\"alert(1)\">&amp;"


def test_text_is_escaped(tmp_path):
    facts = dict.fromkeys(("dataset", "validation_dataset", "command"), HOSTILE)
    facts |= {
        "class_names": [HOSTILE, "b"],
        "versions": {HOSTILE: HOSTILE},
        "hardware": {"a": [HOSTILE]},
    }
    named = HOSTILE.replace("/", "|")
    one = make_run(tmp_path / named, facts=facts)
    two = make_run(tmp_path / "other", recipe=RECIPE.replace(epochs=5))
    for page in (read(write_report(one)), read(write_report(one, two, out=tmp_path / "both.html"))):
        assert not {"script", "img"} & {tag for tag, _ in page.elements}
        assert not [key for _, values in page.elements for key in values if key.startswith("on")]
        assert HOSTILE in page.text
        assert named in page.text


@pytest.mark.parametrize("value", [None, 3, "text", ["a", {"b": 1}], {"c": [2]}], ids=str)
def test_run_json_may_contain_anything(tmp_path, value):
    names = FACTS.keys() - {"class_names", "own_model"}
    folder = make_run(tmp_path / "run", facts=dict.fromkeys(names, value))
    assert "finished" in read(write_report(folder)).text
    assert "finished" in write_card(read_run(folder)).read_text()


def test_comparison_of_runs(tmp_path, monkeypatch, capsys):
    one = make_run(tmp_path / "one")
    two = make_run(tmp_path / "two", 2, RECIPE.replace(mixup_alpha=0.5), {"seed": 4}, idle=1e4)
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(one), str(two)]) == 0
    assert capsys.readouterr().out == "comparison.html\n"
    text = read(tmp_path / "comparison.html").text
    assert "one A3, ResNet18 finished: 4 epochs 45.00 % 50.00 % 2 203" in text
    assert "two A3, ResNet18 stopped after epoch 2 of 4 50.00 % 50.00 % 2 201" in text
    assert "Differences between the recipes one two mixup_alpha 0.1 0.5 Diff" in text
    assert "versions and hardware one two seed 3 4 Generated" in text
    assert "not comparable" not in text
    three = make_run(tmp_path / "three", facts={"validation_dataset": "elsewhere"})
    assert "accuracies are not comparable" in read(write_report(one, three)).text


def test_runs_with_equal_names_are_named_by_path(tmp_path):
    runs = [make_run(tmp_path / name / "run") for name in "ab"]
    text = read(write_report(*runs, out=tmp_path / "out.html")).text
    assert f"{runs[0]} A3" in text
    assert f"{runs[1]} A3" in text


def test_invalid_arguments(tmp_path, capsys):
    run = make_run(tmp_path / "run")
    with pytest.raises(ValueError, match="at least one run folder"):
        write_report()
    assert main(["report", str(run), str(run), "--data", "x"]) == 2
    assert "must be None with several runs. Received: 2 runs" in capsys.readouterr().err
    assert main(["report", str(tmp_path)]) == 2
    assert "must be an existing JSON file of a recipe" in capsys.readouterr().err


def test_images_of_a_real_run(trained, capsys):
    out = trained / "page.html"
    words = ["report", str(trained / "run"), "--data", str(trained / "val"), "--out", str(out)]
    assert main([*words, "--train-data", str(trained / "train"), "--weights", "last"]) == 0
    page = read(out)
    images = [values for tag, values in page.elements if tag == "img"]
    # An original and a class activation map of each validation image.
    assert len(images) == 12 * 2 + 24
    assert [values.get("width") for values in images[:24]] == ["160"] * 24
    assert all(values["src"].startswith("data:image/jpeg;base64,") for values in images)
    assert "dark & <b>cold<|b> predicted" in page.text or "bright predicted" in page.text
    assert re.search(
        r"With the last weights, .* of 12 images of .*val'? are classified correctly", page.text
    )
    assert "class \\ predicted bright dark & <b>cold<|b> bright" in page.text
    assert re.search(r"class images precision recall F1 .* 6 .* macro average 12 ", page.text)
    assert re.search(
        r"The expected calibration error is [\d.]+ %: .*, the sigmoid of the predicted class",
        page.text,
    )
    row = read_run(trained / "run").rows[0]
    assert row["seconds"] > 0
    assert row["images_per_second"] >= 16 / row["seconds"] - 0.1


def test_an_examination_agrees_with_the_evaluation(trained):
    recipe, model = krr.load_recipe(trained / "run"), load_run(trained / "run")
    examined = examine(recipe, model, trained / "val", worst=12)
    expected = recipe.evaluate(model, trained / "val", verbose=0)
    assert examined.images == expected["images"] == 12
    assert examined.top1 == pytest.approx(expected["top1"])
    losses = [verdict.loss for verdict in examined.worst]
    assert losses == sorted(losses, reverse=True)
    # The float32 numbers are averaged in another order.
    assert np.mean(losses) == pytest.approx(expected["loss"], rel=1e-5)
    assert len({verdict.name for verdict in examined.worst}) == 12
    for verdict in examined.worst:
        assert ("bright" in verdict.name) == (verdict.label == 0)
        bright = verdict.label == 0 or verdict.name.endswith("27.png")
        assert (verdict.image.mean() > 125) == bright, "brightness is the class"
    assert [v.name for v in examine(recipe, model, trained / "val", worst=3).worst] == [
        verdict.name for verdict in examined.worst[:3]
    ]


@pytest.fixture
def several(tmp_path):
    """A run on images with several labels."""
    run = make_run(tmp_path / "several", facts={"multi_label": True})
    log = (run / "log.csv").read_text().replace("loss,top1", "loss,other")
    names = {"val_top1": "val_mean_average_precision", "val_top5": "val_f1"}
    for before, now in names.items():
        log = log.replace(before, now)
    (run / "log.csv").write_text(log)
    return run


def test_a_run_with_several_labels(several):
    page = read(write_report(several))
    assert "50.00 % best mean average precision, epoch 2" in page.text
    assert "mean average precision F1 epoch evaluated on" in page.text
    assert "this run, best 50.00 % 90.00 % 2 /home/somebody/flowers/val" in page.text
    for absent in ("top-1", "top-5", "A3, published"):
        assert absent not in page.text
    card = write_card(read_run(several)).read_text()
    assert '    - type: mean_average_precision\n      name: "mean average precision"' in card
    assert "| F1 | 90.00 % |" in card


def test_runs_with_several_labels_are_compared(several, tmp_path):
    page = read(write_report(several, make_run(tmp_path / "other"), out=tmp_path / "page.html"))
    assert "last mean average precision best mean average precision" in page.text
    assert "their accuracies are not comparable" in page.text


@pytest.mark.full
def test_the_evaluation_of_a_run_with_several_labels(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), "uint8")
    data = x, np.tile([[1, 1, 0], [0, 0, 0], [0, 1, 1]], (4, 1))
    recipe = RECIPE.replace(
        network="ResNet20", classes=None, epochs=1, warmup_epochs=0, batch_size=6
    ).replace(train_size=16, test_size=16, augmentation=())
    recipe.fit(data, validation_data=data, run_dir=tmp_path / "run", verbose=0)
    page = read(write_report(tmp_path / "run", data=data))
    result = recipe.evaluate(load_run(tmp_path / "run"), data, verbose=0)
    precision = f"{100 * result['mean_average_precision']:.2f} %"
    assert (
        f"Evaluation With the best weights, on 12 images. mean average precision {precision} F1"
        in (page.text)
    )
