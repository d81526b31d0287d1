"""What is looked for in the HTML of the finished site."""

from collections.abc import Iterable
from html.parser import HTMLParser

# What a browser loads unasked, by the attribute that says from where.
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Document(HTMLParser):
    """The anchors of an HTML text, and what it has browsers load from other hosts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect from one tag."""
        values = {key: value or "" for key, value in attrs}
        self.anchors |= {values["id"]} if values.get("id") else set()
        loaded = values.get(LOADED.get(tag, ""), "")
        if loaded.startswith(("http:", "https:", "//")):
            self.outside.append(loaded)


def missing(names: Iterable[str], documents: Iterable[Document]) -> list[str]:
    """The names that are no anchor of any document."""
    anchors = {anchor for document in documents for anchor in document.anchors}
    return [name for name in names if name not in anchors]
