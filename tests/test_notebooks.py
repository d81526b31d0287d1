"""The notebooks match the scripts next to them and run: quickly, on few images, without internet access."""

import json

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebooks import notebook, scripts

TITLES = (
    *("01_quickstart", "02_your_own_photos", "03_ingredients"),
    *("04_speed_run", "05_several_gpus", "06_jax"),
)
# A proxy that refuses every request at once.
REFUSING_PROXY = "http://127.0.0.1:9"


def test_there_are_six_notebooks():
    assert tuple(script.stem for script in scripts()) == TITLES


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.stem)
def test_a_notebook_matches_its_script(script):
    committed = script.with_suffix(".ipynb").read_text()
    assert committed == notebook(script), "run `python -m tests.notebooks`"
    cells = json.loads(committed)["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert "download" in "".join(cells[0]["source"]), "the first cell says what the notebook needs"


@pytest.mark.full
# Warnings of the client, not of the code in the kernel
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.stem)
def test_a_notebook_runs(script, tmp_path, monkeypatch):
    monkeypatch.setenv("KRR_SMOKE", "1")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, REFUSING_PROXY)
    executed = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(executed, timeout=300, kernel_name="python3", resources=resources).execute()
    assert any("image/png" in data for data in outputs_of(executed))


def outputs_of(executed):
    """Returns the outputs of the executed cells, by MIME type."""
    outputs = (output for cell in executed.cells for output in cell.get("outputs", ()))
    return [output["data"] for output in outputs if "data" in output]
