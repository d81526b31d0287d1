"""Checks of the HTML of the finished site."""

from collections.abc import Iterable
from html.parser import HTMLParser

# Tags that a browser loads automatically, with the attribute that contains the address.
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class Document(HTMLParser):
    """Anchors of an HTML document and the external resources that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects from one tag."""
        values = {key: value or "" for key, value in attrs}
        self.anchors |= {values["id"]} if values.get("id") else set()
        loaded = values.get(LOADED.get(tag, ""), "")
        if loaded.startswith(("http:", "https:", "//")):
            self.outside.append(loaded)


def missing(names: Iterable[str], documents: Iterable[Document]) -> list[str]:
    """Returns the names that are not an anchor of any document."""
    anchors = {anchor for document in documents for anchor in document.anchors}
    return [name for name in names if name not in anchors]
