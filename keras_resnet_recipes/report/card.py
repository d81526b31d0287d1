"""A model card: what a model hub shows of a run."""

import json
import re
from pathlib import Path

from keras_resnet_recipes.files import replacing
from keras_resnet_recipes.recipe import table_rows
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.version import __version__

CARD = "README.md"
# Where the model will be is known when it is uploaded.
PLACEHOLDER = "OWNER/NAME"


def write_card(run: Run, *, dataset: str | None = None, license: str | None = None) -> Path:
    r"""Writes README.md into a run folder: YAML that model hubs read, and text for people.

    Nothing of it is guessed: a license is in it only if it is given, figures are those of the log, of
    the best epoch on validation data. Paths of this machine are left out.

    Args:
        run: The run.
        dataset: Name of the data set; by default the last part of what the run calls it.
        license: Identifier such as "apache-2.0".

    Returns:
        The file.

    Raises:
        ValueError: If the folder has a README.md already, which may hold what somebody wrote.

    >>> import tempfile, keras_resnet_recipes as krr
    >>> from keras_resnet_recipes.report import read_run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = krr.A3().to_json(folder + "/recipe.json")
    ...     write_card(read_run(folder), license="mit").read_text().splitlines()[:3]
    ['---', 'library_name: keras', 'pipeline_tag: image-classification']
    """
    path = run.path / CARD
    if path.exists():
        raise ValueError(f"{str(path)!r} exists already; remove it to have it written anew.")
    name = dataset or _short_name(run)
    text = "\n".join([*_front_matter(run, name, license), "", *_body(run, name, license)])
    with replacing(path) as aside:
        aside.write_text(text + "\n")
    return path


def _short_name(run: Run) -> str:
    """What the run calls its data set, without a path of this machine."""
    name = str(run.facts.get("dataset") or "a data set whose name is not recorded")
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] if re.search(r"[/\\]", name) else name


def _front_matter(run: Run, dataset: str, license: str | None) -> list[str]:
    """YAML; its texts are written as JSON, which is YAML too."""
    kind = type(run.recipe).__name__
    tags = ["keras-resnet-recipes", "image-classification", "resnet", run.recipe.network_name, kind]
    lines = [
        "---",
        "library_name: keras",
        "pipeline_tag: image-classification",
        *([f"license: {json.dumps(license)}"] if license else []),
        "tags:",
        *(f"- {json.dumps(tag)}" for tag in tags),
    ]
    if run.best is not None:
        identifier = re.sub("[^a-z0-9]+", "-", dataset.lower()).strip("-") or "unnamed"
        lines += [
            "metrics:",
            "- accuracy",
            "model-index:",
            f"- name: {json.dumps(run.name)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "    dataset:",
            f"      name: {json.dumps(f'{dataset}, validation part')}",
            f"      type: {json.dumps(identifier)}",
            "    metrics:",
        ]
        for log, title in (("val_top1", "top-1"), ("val_top5", "top-5")):
            if log in run.best:
                lines += ["    - type: accuracy", f"      name: {json.dumps(title + ' accuracy')}"]
                lines += [f"      value: {run.best[log]:.4f}"]
    return [*lines, "---"]


def _body(run: Run, dataset: str, license: str | None) -> list[str]:
    recipe, kind = run.recipe, type(run.recipe)
    source = "" if recipe.source is None else f" of '{recipe.source.title}' ({recipe.source})"
    images = f", {_plain(str(run.facts['images']))} pictures" if run.facts.get("images") else ""
    version = _plain(str(run.versions.get("keras_resnet_recipes", __version__)))
    return [
        f"# {_plain(run.name)}",
        "",
        f"{recipe.network_name} for {recipe.classes} classes, trained on {_plain(dataset)}{images}, with the recipe "
        f"{kind.__name__}{source} by keras-resnet-recipes {version}. The run is {run.headline}.",
        "",
        "## Accuracy",
        "",
        *_accuracy(run, dataset),
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
        f"{_plain(license)}." if license else "Not stated by those who trained this model.",
    ]


def _accuracy(run: Run, dataset: str) -> list[str]:
    if run.best is None:
        return ["The log holds no accuracy on validation data."]
    epoch, best = f"{run.best['epoch'] + 1:.0f}", run.best
    scores = [
        f"| {title} | {100 * best[log]:.2f} % |"
        for log, title in (("val_top1", "top-1"), ("val_top5", "top-5"))
        if log in best
    ]
    lines = [
        f"On the validation part of {_plain(dataset)}, with the weights of epoch {epoch}, the best of those that "
        "were evaluated there; chosen on the same pictures, the figure is a little too good.",
        "",
        "| | |",
        "|---|---|",
        *scores,
    ]
    kind = type(run.recipe)
    if kind.published_top1 is not None:
        lines += [
            "",
            f"The recipe's published top-1 of {kind.published_top1} % is of {kind.published_on} and is no figure "
            "of this model.",
        ]
    return lines


def _use(size: int) -> list[str]:
    return [
        "```",
        "pip install 'keras-resnet-recipes[hub]'",
        f"hf download {PLACEHOLDER} --local-dir model",
        "krr predict model photo.jpg",
        "```",
        "",
        "```python",
        "import keras_resnet_recipes as krr",
        "",
        f'model = krr.load_run("model")  # raw pixels 0..255, {size} x {size}; logits',
        'for seen in krr.load_recipe("model").predict(model, ["photo.jpg"]):',
        "    print(seen.labels)  # (index, name, probability) of the five most probable",
        "```",
    ]


def _training(run: Run) -> list[str]:
    recipe = run.recipe
    lines = [
        "recipe.json holds every value, log.csv every epoch. What differs from the published recipe:",
        "",
        "| | this run | published |",
        "|---|---|---|",
    ]
    for row in table_rows(recipe):
        if row.published is not None:
            lines.append(f"| {row.name} | {_plain(row.text)} | {_plain(row.published)} |")
    versions = ", ".join(f"{name} {of}" for name, of in run.versions.items())
    return [*lines, "", f"Versions: {_plain(versions or 'not recorded')}."]


def _plain(text: str) -> str:
    """Text that neither Markdown nor HTML reads as anything else."""
    spaced = " ".join(text.split())
    escaped = re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", spaced)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
