"""Report section on classes: figures per class, confusions between them, calibration."""

import numpy as np

from keras_resnet_recipes.evaluation import Examination
from keras_resnet_recipes.report.charts import reliability
from keras_resnet_recipes.report.markup import Markup, element, table
from keras_resnet_recipes.report.page import percent, section

# With more classes, the most frequent confusions are listed instead of the matrix, and those with the lowest F1.
_MOST, _CONFUSIONS = 50, 30


def classes(examination: Examination) -> Markup:
    """Returns a section with the figures of every class, the lowest F1 first, next to the confusion matrix."""
    figures = element("div", _figures(examination), class_="part")
    diagram = element(
        "div",
        reliability(examination.confidence_bins),
        element("p", _calibration(examination), class_="soft"),
        class_="part",
    )
    parts = element("div", figures, _confusions(examination), diagram, class_="side-by-side")
    notes = [element("p", note, class_="soft") for note in _notes(examination)]
    return section("Classes and calibration", parts, *notes)


def _figures(examination: Examination) -> Markup:
    rows = sorted(examination.per_class, key=lambda row: row.f1)[:_MOST]
    cells = [
        (
            row.name,
            str(row.images),
            *(f"{100 * one:.1f} %" for one in (row.precision, row.recall, row.f1)),
        )
        for row in (*rows, examination.macro_average)
    ]
    return table(("class", "images", "precision", "recall", "F1"), *cells, class_="figures")


def _notes(examination: Examination) -> list[str]:
    notes = [
        "Precision: the fraction of the images predicted as the class that are of it. Recall: the fraction of its "
        "images that are predicted as it. F1: their harmonic mean, the lowest first."
    ]
    if examination.constant_is_as_good:
        notes.append(
            f"A constant answer, always {examination.most_frequent_class}, would score as high: "
            f"{percent(examination.constant_top1)}."
        )
    hidden = len(examination.class_names) - _MOST
    if hidden > 0:
        notes.append(f"{hidden} more classes have a higher F1; krr evaluate --json writes all.")
    return notes


def _calibration(examination: Examination) -> str:
    source = f"the {examination.activation}" if examination.activation else "the output"
    return (
        f"The expected calibration error is {percent(examination.calibration_error)}: the mean distance between "
        f"accuracy and probability, {source} of the predicted class, in 15 intervals. Darker bars have more images."
    )


def _confusions(examination: Examination) -> Markup:
    counts, names = examination.confusion, examination.class_names
    if len(names) > _MOST:
        wrong = counts * (1 - np.eye(len(names), dtype=counts.dtype))
        order = np.argsort(wrong, axis=None, kind="stable")[::-1][:_CONFUSIONS]
        indices = [np.unravel_index(index, wrong.shape) for index in order]
        rows = [(names[i], names[j], str(wrong[i, j])) for i, j in indices if wrong[i, j]]
        title = element("strong", "most frequent confusions")
        return element("div", title, table(("class", "predicted", "images"), *rows), class_="part")
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
    shown = element("div", matrix, class_="wide")
    return element("div", shown, element("p", note, class_="soft"), class_="part")


def _cell(count: int, fraction: float, correct: bool) -> Markup:
    color = "heat" if correct else "wrong"
    shade = f"background: rgba(var(--{color}), {0.75 * fraction:.2f})" if count else ""
    return element("td", str(count or "·"), style=shade)
