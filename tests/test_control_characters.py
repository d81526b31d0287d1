"""Names of files and classes reach terminals, pages and tables with their control characters escaped."""

import ast
import csv
import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import keras_resnet_recipes as krr
from keras_resnet_recipes.cli import main
from keras_resnet_recipes.names import printable

pytestmark = pytest.mark.usefixtures("tiny_resnet20")

# Sets the title of a terminal, clears it, and turns the text around.
EVIL = "\x1b]0;owned\x07\x1b[2J\r\u202egpj"
ESCAPED = r"\x1b]0;owned\x07\x1b[2J\r\u202egpj"
SMALL = [
    *("--set", "network=ResNet20", "--set", "epochs=1", "--set", "warmup_epochs=0"),
    *("--set", "train_size=16", "--set", "test_size=16", "--rescale", "4"),
    *("--set", "rand_augment=None"),
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ü × 日本", "plain – ü × 日本"),
        (EVIL, ESCAPED),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u2028\u2066\u200e\ufeff\x9b", r"\u2028\u2066\u200e\ufeff\x9b"),
        # The joiners of an emoji and of Persian, and Japanese and French spaces.
        ("👩\u200d💻 می\u200cخواهم \u3000\xa0", "👩\u200d💻 می\u200cخواهم \u3000\xa0"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_escaped(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown, "escaped text stays as it is"


def is_clean(text):
    return all(one == "\n" or one.isprintable() for one in text)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Images in two classes with evil names, a list of them, and a run."""
    root = tmp_path_factory.mktemp("evil")
    rng = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(8):
        name = f"{EVIL}{number % 2}"
        file = root / "images" / name / f"{EVIL}{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (20, 20, 3), "uint8")
        file.write_bytes(tf.io.encode_png(pixels).numpy())
        (root / f"{number}.png").write_bytes(file.read_bytes())
        lines.append(f"{number}.png,\x1b[31m{name[3:].replace(chr(13), '')}")
    (root / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, train_size=16, test_size=16)
    recipe = recipe.replace(rand_augment=None, batch_size=4)
    data = {"validation_data": root / "images", "run_dir": root / "run"}
    recipe.fit(root / "images", **data, verbose=0)
    for damaged in ("broken.png", f"{EVIL}.png"):
        (root / "damaged" / damaged).parent.mkdir(exist_ok=True)
        (root / "damaged" / damaged).write_bytes(b"nothing")
    values = json.loads((root / "run" / "recipe.json").read_text(encoding="utf-8"))
    (root / "evil.json").write_text(json.dumps({**values, "weights": EVIL}), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["predict", "run", "images", "damaged", "--top", "1"], 1),
        (["predict", "run", "images", EVIL, "--csv"], 1),
        (["train", "A3", "--data", "list.csv", *SMALL], 0),
        (["train", "A3", "--data", "images", "--val", "list.csv", *SMALL], 2),
        (["evaluate", "run", "--data", "images"], 0),
        (["prepare", "images", f"new {EVIL}"], 0),
        (["preview", "A3", "--data", "images", "--out", f"{EVIL}.png", *SMALL], 0),
        (["report", "run", "--data", "images"], 0),
        (["show", "evil.json"], 0),
        (["compare", "evil.json", "A1"], 0),
        (["show", EVIL], 2),
        (["show", "A1", "--set", f"epochs={EVIL}"], 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_no_command_prints_a_control_character(arguments, status, workspace, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    assert main(arguments) == status
    out, err = capsys.readouterr()
    assert r"\u202egpj" in out + err or arguments[0] == "report"
    assert is_clean(out), ascii(out)
    assert is_clean(err), ascii(err)


def test_no_page_or_card_holds_a_control_character(workspace, tmp_path, monkeypatch, capsys):
    run = shutil.copytree(workspace / "run", tmp_path / f"run {EVIL}")
    # As written by another program.
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert facts["class_names"] == [ESCAPED + "0", ESCAPED + "1"]
    facts |= {"class_names": [EVIL, f"b{EVIL}"], "dataset": EVIL, "command": EVIL}
    (run / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    assert main(["report", str(run)]) == 0
    assert main(["card", str(run), "--license", EVIL]) == 0
    assert is_clean(capsys.readouterr().out)
    for file in ("report.html", "README.md"):
        text = (run / file).read_text(encoding="utf-8")
        assert is_clean(text)
        assert "u202egpj" in text
    assert main(["predict", str(run), str(workspace / "0.png")]) == 0
    assert is_clean(capsys.readouterr().out)


def test_the_csv_of_predict_has_no_formula(workspace, tmp_path, capsys, monkeypatch):
    run = shutil.copytree(workspace / "run", tmp_path / "run")
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(facts | {"class_names": ["=1+1", "＋2"]}), "utf-8")
    monkeypatch.chdir(tmp_path)
    names = ["@a.png", "-1.png", "\t=1.png", "\r=2.png", "+a,b.png", "plain.png"]
    for name in names:
        shutil.copyfile(workspace / "0.png", name)
    assert main(["predict", "--model", "run", "--csv", *(f"./{name}" for name in names[:1])]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("./@a.png,1,")
    assert main(["predict", "--model", "run", "--csv", "--", *names]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    shown = ["'@a.png", "'-1.png", r"\t=1.png", r"\r=2.png", "'+a,b.png", "plain.png"]
    assert list(dict.fromkeys(row["path"] for row in rows)) == shown
    assert {row["name"] for row in rows} == {"'=1+1", "'＋2"}
    assert {row["class"] for row in rows} == {"0", "1"}
    for row in rows:
        assert 0 <= float(row["probability"]) <= 1


def test_commands_print_through_one_function():
    for file in sorted((Path(krr.__file__).parent / "cli").glob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
        ]
        assert len(calls) == (file.name == "terminal.py"), file


WARN = """
import sys, warnings
from keras_resnet_recipes.cli import main, recipes
recipes._list = lambda options: warnings.warn("first line\\nsecond " + sys.argv[1], stacklevel=1)
main(sys.argv[2:])
"""


def test_a_warning_is_one_line():
    command = [sys.executable, "-c", WARN, EVIL]
    run = functools.partial(subprocess.run, capture_output=True, text=True, check=True)
    shown = ESCAPED.replace(r"\r", " ")
    assert run([*command, "list"]).stderr == f"krr: warning: first line second {shown}\n"
    assert "UserWarning: first line" in run([*command, "--debug", "list"]).stderr


def test_errors_of_the_argument_parser(capsys):
    for arguments in (["list", f"--{EVIL}"], ["train", f"-{EVIL}"], [EVIL]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert is_clean(capsys.readouterr().err)
