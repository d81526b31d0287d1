"""Reports and model cards of run folders."""

import dataclasses
from pathlib import Path
from typing import Any

from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.report import images
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
    r"""Writes an HTML report on a run, or a comparison of several runs.

    The report is a single file without scripts or external resources. Runs may be finished, running or stopped.

    Args:
        *runs: Run folders written by `Recipe.fit(run_dir=...)`.
        out: File to write; by default report.html in the run folder, or, for several runs, comparison.html in
            the current folder.
        data: Validation data, as for `Recipe.evaluate`, to show the model's errors.
        train_data: Training data, as for `Recipe.fit`, to show augmented images.
        weights: Weights for `data`, "best" or "last"; by default the best if saved.

    Returns:
        The path of the report.

    Raises:
        ValueError: If a folder contains no run, or the data is invalid.
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = krr.A3(epochs=30).to_json(folder + "/recipe.json")
        ...     "running: epoch 1 of 30" in write_report(folder).read_text()
        True
    """
    if not runs:
        raise ValueError("`runs` must be at least one run folder. Received: runs=()")
    if len(runs) > 1 and (data is not None or train_data is not None):
        raise ValueError(
            f"`data` and `train_data` must be None with several runs. Received: {len(runs)} runs"
        )
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
        sections[3:3] = _image_sections(run, data, train_data, weights)
    with replacing(out) as temporary:
        html = page(" / ".join(run.name for run in read), *sections)
        temporary.write_text(html, encoding="utf-8")
    return Path(out)


def _image_sections(run: Run, data: Any, train_data: Any, weights: str | None) -> list[Any]:
    sections = [] if data is None else images.mistakes(run, data, weights)
    return sections if train_data is None else [*sections, images.samples(run, train_data)]
