"""Differences of the networks from timm's with the same weights, converted in both directions.

    python -m tests.applications.parity TIMM_PYTHON                     prints the table
    python -m tests.applications.parity TIMM_PYTHON docs/weights.md     writes it between the file's two marks

`make parity` builds the environment of TIMM_PYTHON. Each network of timm gets random weights, including
running statistics; its file is loaded here, and the file written here is loaded there. First,
published.csv is compared with timm.
"""

import contextlib
import csv
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnet_recipes import applications
from keras_resnet_recipes.applications import load_weights, published, save_timm_weights
from keras_resnet_recipes.applications.weights import read_state
from tests.applications.name_weights import draw

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4
HEADER = """| network | weights | logits, timm's file here | running statistics | logits, our file in timm | loaded in |
|---|---|---|---|---|---|"""
PUBLISHED_HEADER = """| network | tag | tested at: pixels, crop ratio, top-1 | resampling | license |
|---|---|---|---|---|"""

Ask = Callable[..., Any]


@contextlib.contextmanager
def timm(python: str) -> Iterator[Ask]:
    """Context manager: a function that sends one line to timm's process and returns the answer."""
    side = [python, "-m", "tests.applications.parity_timm"]
    with subprocess.Popen(
        side, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(*words: object) -> Any:
            print(*words, file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def deviation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Returns the largest difference, relative to the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def compare(network: str, theirs: str, ask: Ask, folder: Path) -> str:
    """Returns a row of the table; raises AssertionError if the two differ by more than rounding."""
    ask("make", theirs, folder)
    build = getattr(applications, network)
    model = build(classifier_activation=None, include_preprocessing=False)
    begun = time.perf_counter()
    load_weights(model, folder / "timm.safetensors")
    seconds = time.perf_counter() - begun
    images = np.ascontiguousarray(draw("images", (2, 3, 72, 72)).transpose(0, 2, 3, 1))
    logits = keras.ops.convert_to_numpy(model(images.astype("float32"), training=False))
    save_timm_weights(model, folder / "ours.safetensors")
    ask("check", theirs, folder)
    sent, back = read_state(folder / "timm.safetensors"), read_state(folder / "ours.safetensors")
    assert sent.keys() == back.keys()
    running = [key for key in sent if "running" in key]
    equal = all(np.array_equal(sent[key], back[key]) for key in running)
    reference = np.load(folder / "timm.npy")
    here, there = deviation(logits, reference), deviation(np.load(folder / "back.npy"), reference)
    assert equal, network
    assert max(here, there) <= TOLERANCE, (network, here, there)
    return (
        f"| {network} | {model.count_params():,} | {here:.1e} | {len(running)} equal | {there:.1e} "
        f"| {seconds:.1f} s |"
    )


def parity_table(python: str) -> str:
    """Returns the table of all networks that timm has."""
    lines = []
    with timm(python) as ask, tempfile.TemporaryDirectory() as folder:
        check_published(ask("rows"))
        for network, theirs in ask("networks").items():
            lines.append(compare(network, theirs, ask, Path(folder)))
            print(lines[-1], file=sys.stderr, flush=True)
            keras.backend.clear_session()
    versions = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow"))
    made = f"{len(lines)} networks, {versions}, {platform.machine()}, CPU."
    return "\n".join([HEADER, *lines, "", made])


def check_published(rows: list[dict[str, str]]) -> None:
    """Raises AssertionError unless published.csv equals timm's current values, except for accuracies."""
    with published.TABLE.open(newline="") as file:
        ours = list(csv.DictReader(file))
    for row in ours + rows:
        row.update(dict.fromkeys(row.keys() & {"top1_1", "top1_2"}, ""))
    assert ours == [{**dict.fromkeys(ours[0], ""), **row} for row in rows]


def published_table() -> str:
    """Returns the table of published weights in docs/weights.md."""
    lines = []
    for row in published.table():
        evaluations = "; ".join(
            f"{evaluation.size}, {evaluation.crop_ratio:g}, {evaluation.top1 or '–'}"
            for evaluation in row.evaluations
        )
        lines.append(
            f"| {row.network} | {row.tag} | {evaluations} | {row.interpolation} | {row.license or '–'} |"
        )
    return "\n".join([PUBLISHED_HEADER, *lines])


def replaced(page: str, mark: str, text: str) -> str:
    """Returns the page with the text between `<!-- mark: from here -->` and `<!-- mark: to here -->` replaced."""
    first, last = f"<!-- {mark}: from here -->", f"<!-- {mark}: to here -->"
    before, rest = page.split(first)
    return f"{before}{first}\n\n{text}\n\n{last}{rest.split(last)[1]}"


def main(arguments: list[str]) -> None:
    """Prints the tables, or writes them to a file."""
    table = parity_table(arguments[0])
    if len(arguments) == 1:
        print(table)
        return
    page = Path(arguments[1])
    text = replaced(page.read_text(), "make parity", table)
    page.write_text(replaced(text, "published weights", published_table()))


if __name__ == "__main__":
    main(sys.argv[1:])
