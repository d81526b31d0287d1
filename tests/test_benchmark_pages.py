"""The tables on the pages of benchmarks and experiments are generated from the stored results."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def page():
    """The script that generates the pages, imported with its folder on the path."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import page

        yield page
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("name", ["benchmarks.md", "experiments.md", "reached.md"])
def test_pages_are_generated_from_the_results(page, name):
    text = (page.DOCS / name).read_text()
    assert "<!-- measured: " in text
    assert page.filled(text) == text


def test_every_result_is_on_a_page(page):
    texts = "".join((page.DOCS / name).read_text() for name in page.PAGES)
    for result in page.RESULTS.iterdir():
        assert f"<!-- measured: {result.stem} -->" in texts, result.name


def test_missing_results_are_marked(page):
    text = page.filled("<!-- measured: never_run -->\n\nold\n\n<!-- end -->")
    assert text == f"<!-- measured: never_run -->\n\n{page.NOT_MEASURED}\n\n<!-- end -->"
