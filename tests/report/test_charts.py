"""Charts: points, axes and gaps for all kinds of values."""

import re

import pytest

from keras_resnet_recipes.evaluation import ConfidenceBin
from keras_resnet_recipes.report.charts import Curve, chart, reliability


def points(svg):
    lines = re.findall(r'<polyline points="([^"]*)"', svg)
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in lines]


def test_points_are_proportional_to_their_values():
    ((one, two, three),) = points(chart("loss", [Curve("a", [(1, 1.0), (2, 3.0), (3, 2.0)])]))
    assert two[0] - one[0] == pytest.approx(three[0] - two[0], abs=0.2)  # one decimal is written
    assert one[1] > three[1] > two[1], "upwards is smaller in SVG"
    assert one[1] - two[1] == pytest.approx(2 * (one[1] - three[1]), abs=0.3)


def test_two_curves_share_their_axes():
    svg = chart("loss", [Curve("a", [(1, 1.0), (2, 2.0)]), Curve("b", [(2, 1.0)], 1, dashed=True)])
    (first, second), (alone,) = points(svg)
    assert alone == (second[0], first[1])
    assert '<line x1="0" x2="26" y1="5" y2="5" class="curve c1 dashed">' in svg


def test_values_that_are_not_finite_are_gaps():
    nan, inf = float("nan"), float("inf")
    curve = Curve("a", [(1, 1.0), (2, 2.0), (3, nan), (4, 3.0), (5, inf), (6, 1.0), (7, 1.5)])
    assert [len(line) for line in points(chart("loss", [curve]))] == [2, 1, 2]
    assert chart("loss", [Curve("a", [(1, nan)])]) == ""


@pytest.mark.parametrize(
    "values",
    [(0.5,), (0.0,), (0.5, 0.5), (1e-12, 2e-12), (1e9, 3e9), (-1.0, 1.0), (0.1, 0.1 + 1e-9)],
    ids=str,
)
def test_any_range_has_ticks(values):
    svg = chart("x", [Curve("a", list(enumerate(values, 1)))])
    ys = [float(y) for y in re.findall(r'y1="([\d.]+)" y2="[\d.]+" class="grid"', svg)]
    assert 1 <= len(ys) <= 7
    assert all(10 <= y <= 222 for y in ys)
    assert all(10 <= y <= 222 and 62 <= x <= 506 for line in points(svg) for x, y in line)


def test_epochs_are_integers():
    svg = chart("x", [Curve("a", [(1, 1.0), (2, 2.0)])])
    ticks = re.findall(r'text-anchor="middle">([^<]*)<', svg) + re.findall(
        r'<text text-anchor="middle"[^>]*>([^<]*)<', svg
    )
    assert {"1", "2", "epoch"} == set(ticks)


def test_only_short_curves_have_dots():
    assert chart("x", [Curve("a", [(n, n) for n in range(10)])]).count("<circle") == 10
    assert chart("x", [Curve("a", [(n, n) for n in range(100)])]).count("<circle") == 0


def test_bars_of_a_reliability_diagram_end_at_their_accuracy():
    bins = [ConfidenceBin(0.0, 0.5, 0, 0, 0), ConfidenceBin(0.5, 1.0, 4, 0.8, 0.25)]
    svg = reliability(bins)
    ((x, y, width, height),) = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg
    )
    # The diagonal is from (0, 0) to (1, 1).
    ends = re.search(
        r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="axis', svg
    )
    left, bottom, right, top = map(float, ends.groups())
    assert float(y) + float(height) == pytest.approx(bottom)
    assert float(height) == pytest.approx(0.25 * (bottom - top), abs=0.1)
    assert float(x) == pytest.approx((left + right) / 2, abs=0.6)
    assert float(x) + float(width) == pytest.approx(right, abs=0.6)
