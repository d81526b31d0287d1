"""SVG charts in the colors of the page: curves over epochs, and a reliability diagram."""

import dataclasses
import math
from collections.abc import Sequence

from keras_resnet_recipes.evaluation import ConfidenceBin
from keras_resnet_recipes.report.markup import Markup, element, joined

_WIDTH, _HEIGHT = 520, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 10, 38
# Maximum number of points drawn as dots; more would hide the lines.
_DOTS = 80


@dataclasses.dataclass(frozen=True)
class Curve:
    """Curve of a chart.

    Args:
        name: Name in the legend.
        points: (epoch, value) pairs; values that are not finite leave a gap.
        color: Index of the color, from 0.
        dashed: Whether the line is dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    color: int = 0
    dashed: bool = False

    def finite(self) -> list[tuple[float, float]]:
        """Returns the points with finite values."""
        return [(x, y) for x, y in self.points if math.isfinite(y)]


def chart(title: str, curves: Sequence[Curve]) -> Markup:
    """Returns a figure with title, legend and axes; empty if there is no point to draw.

    Example:
        >>> figure = chart("loss", [Curve("training", [(1, 0.7), (2, 0.5)])])
        >>> figure.startswith("<figure"), chart("loss", [Curve("training", [])])
        (True, '')
    """
    drawn = [curve for curve in curves if curve.finite()]
    if not drawn:
        return Markup()
    points = [point for curve in drawn for point in curve.finite()]
    across = _scale([x for x, _ in points], _LEFT, _WIDTH - _RIGHT, whole=True)
    up = _scale([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    lines = [_line(curve, across, up, dots=len(points) <= _DOTS) for curve in drawn]
    frame = element(
        "svg",
        _axes(across, up, "epoch"),
        *lines,
        attributes={"viewBox": f"0 0 {_WIDTH} {_HEIGHT}"},
        role="img",
        **{"aria-label": f"{title} over epochs"},
    )
    legend = [
        element("span", _sample(curve), f"{curve.name} {_number(curve.finite()[-1][1])}")
        for curve in drawn
    ]
    caption = element(
        "figcaption", element("strong", title), element("span", *legend, class_="legend")
    )
    return element("figure", caption, frame, class_="chart")


def reliability(bins: Sequence[ConfidenceBin]) -> Markup:
    """Returns a reliability diagram: the accuracy of the images in each interval of the probability.

    Bars below the diagonal are of a model that is too confident. Their opacity grows with the number of images.

    Example:
        >>> reliability([ConfidenceBin(0.5, 1.0, 3, 0.8, 0.7)]).count('class="bar"')
        1

    References:
        Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599), figure 1.
    """
    side = _HEIGHT - _BOTTOM - _TOP
    across = _Scale(0, 1, _LEFT, _LEFT + side, tuple(mark / 5 for mark in range(6)))
    up = _Scale(0, 1, _HEIGHT - _BOTTOM, _TOP, across.ticks)
    most = max(bin.images for bin in bins)
    bars = [
        element(
            "rect",
            element(
                "title",
                f"{bin.low:.2f} to {bin.high:.2f}: {bin.images} images, mean probability {bin.probability:.1%}, "
                f"accuracy {bin.accuracy:.1%}",
            ),
            x=across(bin.low) + 0.5,
            y=up(bin.accuracy),
            width=round(across(bin.high) - across(bin.low) - 1, 1),
            height=round(up(0) - up(bin.accuracy), 1),
            opacity=round(0.25 + 0.75 * bin.images / most, 2),
            class_="bar",
        )
        for bin in bins
        if bin.images
    ]
    ends = {"x1": across(0), "y1": up(0), "x2": across(1), "y2": up(1)}
    diagonal = element("line", **ends, class_="axis dashed")
    frame = element(
        "svg",
        _axes(across, up, "probability of the predicted class"),
        *bars,
        diagonal,
        attributes={"viewBox": f"0 0 {_LEFT + side + _RIGHT} {_HEIGHT}"},
        role="img",
        **{"aria-label": "accuracy by probability"},
    )
    caption = element(
        "figcaption",
        element("strong", "accuracy by probability"),
        element("span", "on the dashed line if calibrated", class_="legend"),
    )
    return element("figure", caption, frame, class_="chart reliability")


@dataclasses.dataclass(frozen=True)
class _Scale:
    """Linear map from values to pixels, with the ticks of the axis."""

    low: float
    high: float
    first: float
    last: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> float:
        fraction = (value - self.low) / (self.high - self.low)
        return round(self.first + fraction * (self.last - self.first), 1)


def _scale(values: Sequence[float], first: float, last: float, whole: bool = False) -> _Scale:
    low, high = min(values), max(values)
    if low == high:
        margin = 1.0 if whole else abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    elif not whole:
        margin = (high - low) * 0.06
        low, high = (low - margin if low else low), high + margin
    step = 10.0 ** math.floor(math.log10((high - low) / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    step = max(1.0, step) if whole else step
    marks = range(math.ceil(low / step), math.floor(high / step) + 1)
    return _Scale(low, high, first, last, tuple(mark * step for mark in marks))


def _axes(across: _Scale, up: _Scale, name: str) -> Markup:
    parts, right = [], across.last
    for value in up.ticks:
        y = up(value)
        parts.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(_label(_number(value), _LEFT - 8, y + 4, "end"))
    for value in across.ticks:
        parts.append(_label(f"{value:g}", across(value), _HEIGHT - _BOTTOM + 18, "middle"))
    y = _HEIGHT - _BOTTOM
    parts.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="axis"))
    parts.append(_label(name, (_LEFT + right) / 2, _HEIGHT - 4, "middle"))
    return joined(*parts)


def _line(curve: Curve, across: _Scale, up: _Scale, *, dots: bool) -> Markup:
    pieces: list[list[str]] = [[]]
    for x, y in curve.points:
        if math.isfinite(y):
            pieces[-1].append(f"{across(x)},{up(y)}")
        elif pieces[-1]:
            pieces.append([])
    kind = f"curve c{curve.color % 8}" + (" dashed" if curve.dashed else "")
    lines = [element("polyline", points=" ".join(piece), class_=kind) for piece in pieces if piece]
    # A single point between two gaps is invisible as a line.
    alone = {piece[0] for piece in pieces if len(piece) == 1}
    circles = [
        element(
            "circle",
            element("title", f"{curve.name}, epoch {x:g}: {y:.6g}"),
            cx=across(x),
            cy=up(y),
            r=3,
            class_=f"dot c{curve.color % 8}",
        )
        for x, y in curve.finite()
        if dots or f"{across(x)},{up(y)}" in alone
    ]
    return joined(*lines, *circles)


def _sample(curve: Curve) -> Markup:
    kind = f"curve c{curve.color % 8}" + (" dashed" if curve.dashed else "")
    line = element("line", x1=0, x2=26, y1=5, y2=5, class_=kind)
    return element("svg", line, width=26, height=10, **{"aria-hidden": "true"})


def _label(text: str, x: float, y: float, anchor: str) -> Markup:
    return element("text", text, x=x, y=y, attributes={"text-anchor": anchor})


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.3g}"
