"""Linked files outside docs/: the site shows each on its own page."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Files that are pages already; other linked files are shown as code.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
LANGUAGES = {".py": "python", ".csv": "text"}
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)")


def pages() -> dict[str, str]:
    """Returns the Markdown of these pages by their paths in the site."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    pending = [*PAGES, *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))]
    while pending:
        source = pending.pop()
        if source in seen or (source.startswith("docs/") and not source.endswith(".md")):
            continue
        seen.add(source)
        # A notebook is shown as the script it was generated from.
        shown = source.replace(".ipynb", ".py")
        text = (ROOT / shown).read_text()
        if source.endswith(".md"):
            pending += [target for _, target in _linked(text, source)]
        else:
            code = f"```{LANGUAGES[Path(shown).suffix]}\n{text}\n```"
            text = f"# {Path(source).name}\n\n`{source}`\n\n{code}\n"
        if not source.startswith("docs/"):
            found[page_of(source)] = text
    return found


def within_site(markdown: str, page: str) -> str:
    """Returns the text of a page with links to repository files redirected to their pages."""
    source = _source_of(page)
    for link, target in reversed(list(_linked(markdown, source))):
        relative = posixpath.relpath(page_of(target), posixpath.dirname(page) or ".")
        markdown = markdown[: link.start()] + relative + markdown[link.end() :]
    return markdown


def page_of(source: str) -> str:
    """Returns the path of the page that shows a repository file."""
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    return PAGES.get(source) or "source/" + source.removesuffix(".md") + ".md"


def _source_of(page: str) -> str:
    if page.startswith("source/"):
        return page.removeprefix("source/")
    return {path: source for source, path in PAGES.items()}.get(page) or f"docs/{page}"


def _linked(markdown: str, source: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yields links to other repository files; a link to a folder leads to its README."""
    for link in LINK.finditer(markdown):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[0]))
        if (ROOT / target).is_dir():
            target += "/README.md"
        if not target.startswith("..") and (ROOT / target).is_file():
            yield link, target
