"""A run folder as something to read and to hand on: a page, and a model card."""

import dataclasses
from pathlib import Path
from typing import Any

from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.report import pictures
from keras_resnet_recipes.report.card import write_card
from keras_resnet_recipes.report.folder import Run, read_run
from keras_resnet_recipes.report.page import comparison_sections, page, run_sections
from keras_resnet_recipes.report.push import push_run, pushed_files

__all__ = ["Run", "push_run", "pushed_files", "read_run", "write_card", "write_report"]


def write_report(
    *runs: str | Path,
    out: str | Path | None = None,
    data: Any = None,
    train_data: Any = None,
    weights: str | None = None,
) -> Path:
    r"""Writes a page about a run, or one that compares several.

    The page is one file that needs no network and no script. Runs may be finished, running or broken.

    Args:
        *runs: Folders that `Recipe.fit(run_dir=...)` wrote.
        out: The file; by default report.html in the folder, or for several runs comparison.html here.
        data: Validation data, as for `Recipe.evaluate`: shows where the model is wrong.
        train_data: Training data, as for `Recipe.fit`: shows augmented pictures.
        weights: For `data`: "best" or "last"; by default the best where there are some.

    Returns:
        The file.

    Raises:
        ValueError: If a folder holds no run, or the data cannot be used.
        OSError: If the file cannot be written.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = krr.A3(epochs=30).to_json(folder + "/recipe.json")
    ...     "running: epoch 1 of 30" in write_report(folder).read_text()
    True
    """
    if not runs:
        raise ValueError("`runs` must be at least one run folder; received none.")
    if len(runs) > 1 and (data is not None or train_data is not None):
        raise ValueError(f"`data` and `train_data` are for one run; received {len(runs)} runs.")
    read = [read_run(run) for run in runs]
    if len({run.name for run in read}) < len(read):
        read = [dataclasses.replace(run, name=str(run.path)) for run in read]
    if len(read) > 1:
        sections = comparison_sections(read)
        out = "comparison.html" if out is None else out
    else:
        (run,) = read
        out = run.path / "report.html" if out is None else out
        sections = [*run_sections(run)]
        # After accuracy and curves.
        sections[3:3] = _pictures(run, data, train_data, weights)
    with replacing(out) as aside:
        aside.write_text(page(" / ".join(run.name for run in read), *sections))
    return Path(out)


def _pictures(run: Run, data: Any, train_data: Any, weights: str | None) -> list[Any]:
    shown = [] if data is None else pictures.mistakes(run, data, weights)
    return shown if train_data is None else [*shown, pictures.samples(run, train_data)]
