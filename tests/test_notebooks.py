"""The notebooks are those of the scripts beside them, and run: in little time, on few pictures, without a network."""

import json

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebooks import notebook, scripts

TITLES = (
    *("01_quickstart", "02_your_own_photos", "03_ingredients"),
    *("04_speed_run", "05_several_gpus", "06_jax"),
)
# Whatever asks for something from elsewhere fails at once.
NOWHERE = "http://127.0.0.1:9"


def test_there_are_six():
    assert tuple(script.stem for script in scripts()) == TITLES


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.stem)
def test_the_notebook_is_that_of_the_script(script):
    committed = script.with_suffix(".ipynb").read_text()
    assert committed == notebook(script), "run `python -m tests.notebooks`"
    cells = json.loads(committed)["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert "Run time:" in "".join(cells[0]["source"])


@pytest.mark.full
# The client's messages, and not what runs in the kernel
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.stem)
def test_the_notebook_runs(script, tmp_path, monkeypatch):
    monkeypatch.setenv("KRR_SMOKE", "1")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    read = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    place = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(read, timeout=300, kernel_name="python3", resources=place).execute()
    assert any("image/png" in data for data in shown(read))


def shown(read):
    """What the cells of a notebook that was run show, by kinds."""
    outputs = (output for cell in read.cells for output in cell.get("outputs", ()))
    return [output["data"] for output in outputs if "data" in output]
