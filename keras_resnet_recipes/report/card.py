"""Model cards, the pages that model hubs show."""

import json
import re
from pathlib import Path
from typing import Any

from keras_resnet_recipes.evaluation import examine
from keras_resnet_recipes.extras import install
from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.names import printable
from keras_resnet_recipes.recipe import table_rows
from keras_resnet_recipes.report.folder import Run, public
from keras_resnet_recipes.report.plots import has_matplotlib, save_confusion, save_curves
from keras_resnet_recipes.report.published import published_note
from keras_resnet_recipes.training import load_run
from keras_resnet_recipes.version import __version__

CARD = "README.md"
# Images of the card, next to it.
CURVES, CONFUSION = "curves.png", "confusion.png"
# Replaced by the repository on upload.
PLACEHOLDER = "OWNER/NAME"


def write_card(
    run: Run, *, dataset: str | None = None, license: str | None = None, data: Any = None
) -> Path:
    r"""Writes a model card, README.md, to a run folder: YAML metadata for model hubs, text and images.

    The accuracies are those of the log, of the best epoch on validation data. A license is stated only if
    given. Local paths are omitted. With matplotlib (the extra `plot`) the card shows curves of loss and accuracy,
    curves.png, and with `data` the confusion matrix, or a reliability diagram for more than 30 classes, confusion.png.

    Args:
        run: The run.
        dataset: Name of the data set; by default the last component of its path or name in the run.
        license: License identifier such as "apache-2.0".
        data: Validation data, as for `Recipe.evaluate`.

    Returns:
        The path of the card.

    Raises:
        ValueError: If the folder already has a README.md, which may have been edited, or the data is invalid.

    Example:
        >>> import tempfile, keras_resnet_recipes as krr
        >>> from keras_resnet_recipes.report import read_run
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = krr.A3().to_json(folder + "/recipe.json")
        ...     write_card(read_run(folder), license="mit").read_text().splitlines()[:3]
        ['---', 'library_name: keras', 'pipeline_tag: image-classification']
    """
    path = run.path / CARD
    if path.exists():
        raise ValueError(
            f"The run folder must not have a {CARD}; remove it to write a new one. Received: {str(path)!r}"
        )
    images = _images(run, data) if has_matplotlib() else []
    run = public(run)
    name = dataset or str(run.facts.get("dataset") or "a data set whose name is not recorded")
    text = "\n".join([*_front_matter(run, name, license), "", *_body(run, name, license, images)])
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def _images(run: Run, data: Any) -> list[str]:
    """Writes the images of the card and returns its lines that show them."""
    lines = []
    if run.rows:
        save_curves(run, run.path / CURVES)
        title = next(iter(run.scores.values()))
        lines += ["", f"![Loss and {title} per epoch]({CURVES})"]
    if data is not None:
        recipe = run.recipe.replace(test_views="one")
        examination = examine(recipe, load_run(run.path), data)
        shown = save_confusion(examination, run.path / CONFUSION)
        lines += ["", f"![{shown}]({CONFUSION})", "", f"{shown} on the validation split."]
    return lines


def _front_matter(run: Run, dataset: str, license: str | None) -> list[str]:
    """Returns the YAML lines; strings are written as JSON, a subset of YAML."""

    def quoted(text: str) -> str:
        return json.dumps(printable(text, keep="\n"))

    kind = type(run.recipe).__name__
    tags = ["keras-resnet-recipes", "image-classification", "resnet", run.recipe.network_name, kind]
    lines = [
        "---",
        "library_name: keras",
        "pipeline_tag: image-classification",
        *([f"license: {quoted(license)}"] if license else []),
        "tags:",
        *(f"- {quoted(tag)}" for tag in tags),
    ]
    if run.best is not None:
        identifier = re.sub("[^a-z0-9]+", "-", dataset.lower()).strip("-") or "unnamed"
        kinds = [*run.scores] if run.multi_label else ["accuracy"]
        lines += [
            "metrics:",
            *(f"- {kind}" for kind in kinds),
            "model-index:",
            f"- name: {quoted(run.name)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "    dataset:",
            f"      name: {quoted(f'{dataset}, validation split')}",
            f"      type: {quoted(identifier)}",
            "    metrics:",
        ]
        for log, title in run.scores.items():
            if f"val_{log}" in run.best:
                kind, name = (log, title) if run.multi_label else ("accuracy", f"{title} accuracy")
                lines += [f"    - type: {kind}", f"      name: {quoted(name)}"]
                lines += [f"      value: {run.best[f'val_{log}']:.4f}"]
    return [*lines, "---"]


def _body(run: Run, dataset: str, license: str | None, images: list[str]) -> list[str]:
    recipe, kind = run.recipe, type(run.recipe)
    source = "" if recipe.source is None else f" of '{recipe.source.title}' ({recipe.source})"
    count = f" ({_plain(str(run.facts['images']))} images)" if run.facts.get("images") else ""
    version = _plain(str(run.versions.get("keras_resnet_recipes", __version__)))
    return [
        f"# {_plain(run.name)}",
        "",
        f"{recipe.network_name} for {recipe.classes} classes, trained on {_plain(dataset)}{count}, with the recipe "
        f"{kind.__name__}{source} by keras-resnet-recipes {version}. Status of the run: {run.headline}.",
        "",
        "## Accuracy",
        "",
        *_accuracy(run, dataset),
        *images,
        "",
        "## Use",
        "",
        *_use(recipe.test_size),
        "",
        "## Training",
        "",
        *_training(run),
        "",
        "## Classes",
        "",
        _plain(", ".join(run.facts.get("class_names") or ["not recorded"])),
        "",
        "## License",
        "",
        f"{_plain(license)}." if license else "Not stated.",
    ]


def _accuracy(run: Run, dataset: str) -> list[str]:
    if run.best is None:
        return ["The log contains no accuracy on validation data."]
    epoch, best = f"{run.best['epoch'] + 1:.0f}", run.best
    scores = [
        f"| {title} | {100 * best[f'val_{log}']:.2f} % |"
        for log, title in run.scores.items()
        if f"val_{log}" in best
    ]
    lines = [
        f"On the validation split of {_plain(dataset)}, with the weights of epoch {epoch}, the epoch with the best "
        "validation accuracy. Because the epoch was selected on the same images, the figures are slightly optimistic.",
        "",
        "| | |",
        "|---|---|",
        *scores,
    ]
    note = published_note(run)
    return lines if note is None else [*lines, "", _plain(note)]


def _use(size: int) -> list[str]:
    return [
        f"Install the package and huggingface_hub: {install('hub')}.",
        "",
        "```",
        f"hf download {PLACEHOLDER} --local-dir model",
        "krr predict model photo.jpg",
        "```",
        "",
        "```python",
        "import keras_resnet_recipes as krr",
        "",
        f'model = krr.load_run("model")  # input: pixels 0..255, {size} x {size}; output: logits',
        'for prediction in krr.load_recipe("model").predict(model, ["photo.jpg"]):',
        "    print(prediction.labels)  # (index, name, probability) of the five most probable classes",
        "```",
    ]


def _training(run: Run) -> list[str]:
    recipe = run.recipe
    lines = [
        "recipe.json contains all hyperparameters, log.csv the metrics of every epoch. Differences from the published "
        "recipe:",
        "",
        "| | this run | published |",
        "|---|---|---|",
    ]
    for row in table_rows(recipe):
        if row.published is not None:
            lines.append(f"| {row.name} | {_plain(row.text)} | {_plain(row.published)} |")
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return [*lines, "", f"Versions: {_plain(versions or 'not recorded')}."]


def _plain(text: str) -> str:
    """Escapes text for Markdown and HTML."""
    spaced = printable(" ".join(text.split()))
    escaped = re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", spaced)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
