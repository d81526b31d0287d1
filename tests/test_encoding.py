"""Text files are UTF-8 and terminals get what they can show, whatever the locale."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_resnet_recipes as krr
from tests.report.folders import FACTS, make_run

PACKAGE = Path(krr.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# Opens text unless the mode has a b; the others always do.
OPENS = {"open", "fdopen"}
TEXT = {"read_text", "write_text", "TextIOWrapper"}
# Opens images or bytes.
BYTES = {"Image.open", "os.open"}


def name_of(file):
    return file.relative_to(PACKAGE).as_posix()


def without_encoding(file):
    """The calls in a file that open text in the encoding of the locale."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        values = [*node.args, *given.values()]
        modes = [one.value for one in values if isinstance(one, ast.Constant)]
        last = name.split(".")[-1]
        binary = any(
            isinstance(mode, str) and set(mode) <= set("rwxab+") and "b" in mode for mode in modes
        )
        opens = last in TEXT or (last in OPENS and name not in BYTES and not binary)
        if opens and "encoding" not in given and "utf-8" not in modes:
            yield f"{name_of(file)}:{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_text_file_has_an_encoding(file):
    assert [*without_encoding(file)] == []


def in_ascii(code, *arguments):
    """Runs code in a process with an ASCII locale; returns its status, stdout and stderr."""
    command = [
        sys.executable,
        "-c",
        f"import sys\nfrom keras_resnet_recipes.cli import main\n{code}",
    ]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, env={**os.environ, **ascii_only}, check=False
    )
    return done.returncode, done.stdout.decode("ascii"), done.stderr.decode("ascii")


def test_report_and_card_are_utf_8_in_an_ascii_locale(tmp_path):
    names = {"class_names": ["gänseblümchen × 2", "ромашка"], "dataset": "flowers – ü"}
    run = make_run(tmp_path / "größe", facts={**FACTS, **names})
    code = "assert sys.stdout.encoding in ('ascii', 'ANSI_X3.4-1968', 'US-ASCII'), sys.stdout.encoding\n"
    code += "assert not (main(['report', sys.argv[1]]) or main(['card', sys.argv[1]]))"
    status, out, err = in_ascii(code, str(run))
    assert (status, err) == (0, "")
    # The folder's bytes are not ASCII, and so escaped.
    assert out.splitlines()[0].endswith("gr\\xf6\\xdfe/report.html")
    for file in ("report.html", "README.md"):
        text = (run / file).read_text(encoding="utf-8")
        assert "gänseblümchen × 2, ромашка" in text
        assert "größe" in text
    assert "flowers – ü" in (run / "README.md").read_text(encoding="utf-8")


def test_messages_that_the_terminal_cannot_encode_are_escaped():
    code = "raise SystemExit(main(['compare', 'A1', 'DAWNBench']) or main(['show', 'Bälle']))"
    code = code.replace("ä", "\\xe4")
    status, out, err = in_ascii(code)
    assert status == 2
    assert "\\u2014" in out, "the dash of a number that a recipe does not have"
    assert err.startswith("krr: error: `RECIPE` must be the name of a recipe")
