"""What a run's network sees, and where it is wrong, as parts of a page."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import simplejpeg

from keras_resnet_recipes import training
from keras_resnet_recipes.evaluation.mistakes import Examination, Verdict, examine
from keras_resnet_recipes.preview import preview
from keras_resnet_recipes.report.folder import Run
from keras_resnet_recipes.report.markup import Markup, element, table
from keras_resnet_recipes.report.page import percent, section
from keras_resnet_recipes.runs.checkpoints import BEST

# More rows than these nobody reads; then the most frequent confusions are listed.
_LARGEST_MATRIX = 50
_ROWS, _COLUMNS = 3, 8


def samples(run: Run, train_data: Any) -> Markup:
    """Augmented training pictures of a run.

    Args:
        run: The run.
        train_data: As for `Recipe.fit`.

    Raises:
        ValueError: If the data cannot be used.
    """
    seed = run.facts.get("seed", 0)
    pictures = preview(run.recipe, train_data, rows=_ROWS, columns=_COLUMNS, seed=seed)
    figures = [element("figure", _picture(picture, "")) for row in pictures for picture in row]
    note = f"As the network sees them in training; every {_COLUMNS} are mixed as a batch."
    return section(
        "Training pictures", element("p", note), element("div", *figures, class_="pictures")
    )


def mistakes(run: Run, data: Any, weights: str | None = None) -> list[Markup]:
    """The worst-predicted pictures, and which classes are taken for which.

    Args:
        run: The run, with weights.
        data: Validation data, as for `Recipe.evaluate`.
        weights: "best" or "last"; by default the best where there are some.

    Raises:
        ValueError: If there are no such weights, or the data cannot be used.
    """
    model = training.load_run(run.path, weights)
    which = weights or ("best" if (run.path / BEST).is_file() else "last")
    examination = examine(run.recipe, model, data)
    names = getattr(model, "class_names", None) or [*map(str, range(run.recipe.classes))]
    told = (
        f"{percent(examination.top1)} of {examination.images} pictures of {examination.dataset} are "
        f"classified rightly, with the {which} weights."
    )
    figures = [_verdict(verdict, names) for verdict in examination.worst]
    worst = section(
        "Worst-predicted pictures",
        element("p", told),
        element("p", "The largest losses first.", class_="soft"),
        element("div", *figures, class_="pictures"),
    )
    return [worst, _confusions(examination, names)]


def _verdict(verdict: Verdict, names: Sequence[str]) -> Markup:
    right = verdict.label == verdict.predicted
    caption = element(
        "figcaption",
        element("b", names[verdict.label]),
        element("br"),
        "rightly" if right else f"taken for {names[verdict.predicted]}",
        f", {verdict.probability:.0%}",
        element("br"),
        f"loss {verdict.loss:.3g}",
        element("br"),
        element("span", _last_parts(verdict.name), class_="soft"),
    )
    return element("figure", _picture(verdict.image, names[verdict.label]), caption)


def _confusions(examination: Examination, names: Sequence[str]) -> Markup:
    counts, title = examination.confusion, "Confusion matrix"
    if len(names) > _LARGEST_MATRIX:
        wrong = counts * (1 - np.eye(len(names), dtype=counts.dtype))
        order = np.argsort(wrong, axis=None, kind="stable")[::-1][:30]
        places = [np.unravel_index(place, wrong.shape) for place in order]
        rows = [(names[i], names[j], str(wrong[i, j])) for i, j in places if wrong[i, j]]
        return section("Most frequent confusions", table(("class", "taken for", "pictures"), *rows))
    body = []
    for row, name in enumerate(names):
        total = max(counts[row].sum(), 1)
        cells = [_cell(int(n), n / total, row == column) for column, n in enumerate(counts[row])]
        body.append(element("tr", element("th", name, scope="row"), *cells))
    head = [element("th", name, scope="col") for name in ("class \\ taken for", *names)]
    matrix = element(
        "table",
        element("thead", element("tr", *head)),
        element("tbody", *body),
        class_="confusion",
    )
    note = (
        "Rows are the true classes, columns what they are taken for; shading is the share of a row."
    )
    return section(title, element("div", matrix, class_="wide"), element("p", note, class_="soft"))


def _cell(count: int, share: float, right: bool) -> Markup:
    color = "heat" if right else "wrong"
    shade = f"background: rgba(var(--{color}), {0.75 * share:.2f})" if count else ""
    return element("td", str(count or "·"), style=shade)


def _picture(pixels: np.ndarray, text: str) -> Markup:
    encoded = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=88)
    source = "data:image/jpeg;base64," + base64.b64encode(encoded).decode()
    return element("img", src=source, alt=text)


def _last_parts(name: str) -> str:
    """The end of a path, which tells files apart and fits under a picture."""
    return "/".join(name.replace("\\", "/").split("/")[-2:])
