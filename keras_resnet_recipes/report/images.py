"""Report sections with images: augmented training images and the model's errors."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import simplejpeg

from keras_resnet_recipes import training
from keras_resnet_recipes.evaluation.accuracy import evaluate
from keras_resnet_recipes.evaluation.mistakes import Examination, Verdict, examine
from keras_resnet_recipes.preview import preview
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.report.markup import Markup, element, table
from keras_resnet_recipes.report.page import percent, section
from keras_resnet_recipes.runs.checkpoints import BEST

# With more classes, the most frequent confusions are listed instead of the matrix.
_LARGEST_MATRIX = 50
_ROWS, _COLUMNS = 3, 8


def samples(run: Run, train_data: Any) -> Markup:
    """Returns a section with augmented training images.

    Args:
        run: The run.
        train_data: As for `Recipe.fit`.

    Raises:
        ValueError: If the data is invalid.
    """
    seed = run.facts.get("seed", 0)
    images = preview(run.recipe, train_data, rows=_ROWS, columns=_COLUMNS, seed=seed)
    figures = [element("figure", _image(image, "")) for row in images for image in row]
    note = f"Inputs of the network in training, in batches of {_COLUMNS}."
    return section("Training images", element("p", note), element("div", *figures, class_="images"))


def mistakes(run: Run, data: Any, weights: str | None = None) -> list[Markup]:
    """Returns sections with the images of the largest losses and the confusions between classes.

    Images with several labels have no confusions; their section has the metrics alone.

    Args:
        run: The run, with weights.
        data: Validation data, as for `Recipe.evaluate`.
        weights: "best" or "last"; by default the best if saved.

    Raises:
        ValueError: If there are no such weights, or the data is invalid.
    """
    model = training.load_run(run.path, weights)
    which = weights or ("best" if (run.path / BEST).is_file() else "last")
    if run.multi_label:
        found = evaluate(run.recipe, model, data, verbose=0)
        metrics = [(title, percent(found[name])) for name, title in run.scores.items()]
        text = f"With the {which} weights, on {found['images']} images."
        return [section("Evaluation", element("p", text), table(("", ""), *metrics))]
    examination = examine(run.recipe, model, data)
    names = getattr(model, "class_names", None) or [*map(str, range(run.recipe.classes))]
    summary = (
        f"With the {which} weights, {percent(examination.top1)} of {examination.images} images of "
        f"{examination.dataset} are classified correctly."
    )
    figures = [_verdict(verdict, names) for verdict in examination.worst]
    worst = section(
        "Images with the largest losses",
        element("p", summary),
        element("div", *figures, class_="images"),
    )
    return [worst, _confusions(examination, names)]


def _verdict(verdict: Verdict, names: Sequence[str]) -> Markup:
    correct = verdict.label == verdict.predicted
    caption = element(
        "figcaption",
        element("b", names[verdict.label]),
        element("br"),
        "correct" if correct else f"predicted {names[verdict.predicted]}",
        f", {verdict.probability:.0%}",
        element("br"),
        f"loss {verdict.loss:.3g}",
        element("br"),
        element("span", _last_parts(verdict.name), class_="soft"),
    )
    return element("figure", _image(verdict.image, names[verdict.label]), caption)


def _confusions(examination: Examination, names: Sequence[str]) -> Markup:
    counts, title = examination.confusion, "Confusion matrix"
    if len(names) > _LARGEST_MATRIX:
        wrong = counts * (1 - np.eye(len(names), dtype=counts.dtype))
        order = np.argsort(wrong, axis=None, kind="stable")[::-1][:30]
        indices = [np.unravel_index(index, wrong.shape) for index in order]
        rows = [(names[i], names[j], str(wrong[i, j])) for i, j in indices if wrong[i, j]]
        return section("Most frequent confusions", table(("class", "predicted", "images"), *rows))
    body = []
    for row, name in enumerate(names):
        total = max(counts[row].sum(), 1)
        cells = [_cell(int(n), n / total, row == column) for column, n in enumerate(counts[row])]
        body.append(element("tr", element("th", name, scope="row"), *cells))
    head = [element("th", name, scope="col") for name in ("class \\ predicted", *names)]
    matrix = element(
        "table",
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_="confusion",
    )
    note = (
        "Rows are true classes, columns predicted classes. The shading is the fraction of the row."
    )
    return section(title, element("div", matrix, class_="wide"), element("p", note, class_="soft"))


def _cell(count: int, fraction: float, correct: bool) -> Markup:
    color = "heat" if correct else "wrong"
    shade = f"background: rgba(var(--{color}), {0.75 * fraction:.2f})" if count else ""
    return element("td", str(count or "·"), style=shade)


def _image(pixels: np.ndarray, text: str) -> Markup:
    encoded = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=88)
    source = "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
    return element("img", src=source, alt=text)


def _last_parts(name: str) -> str:
    """Returns the last two components of a path, which fit below an image."""
    return "/".join(name.replace("\\", "/").split("/")[-2:])
