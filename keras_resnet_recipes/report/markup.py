"""HTML whose text is escaped by construction."""

import html
from collections.abc import Mapping
from types import MappingProxyType

_EMPTY = frozenset({"meta", "img", "br"})


class Markup(str):
    """Text that is HTML already; every other text is escaped where it becomes a part of it."""

    __slots__ = ()


def element(
    name: str,
    *children: str,
    attributes: Mapping[str, object] = MappingProxyType({}),
    **simple: object,
) -> Markup:
    """An element of HTML or SVG.

    Args:
        name: Its name.
        *children: What is in it: `Markup` as it is, other text escaped.
        attributes: Attributes whose names are no Python names.
        **simple: The others; `class_` is class. Values are escaped.

    >>> element("p", "1 < 2 ", element("b", "x & y"), class_='a"b')
    '<p class="a&quot;b">1 &lt; 2 <b>x &amp; y</b></p>'
    """
    values = {**attributes, **{key.removesuffix("_"): value for key, value in simple.items()}}
    written = "".join(f' {key}="{html.escape(str(value))}"' for key, value in values.items())
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*parts: str) -> Markup:
    """Several pieces of HTML and text as one.

    >>> joined("a < b", element("i", "c"))
    'a &lt; b<i>c</i>'
    """
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(part) for part in parts)
    )


def table(header: tuple[str, ...], *rows: tuple[str, ...], class_: str = "") -> Markup:
    """A table; the first cell of a row is its heading.

    >>> table(("", "a"), ("b", "1")).count("</th>")
    3
    """
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    body = [
        element(
            "tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])
        )
        for row in rows
    ]
    whole = element("table", element("thead", head), element("tbody", *body), class_=class_)
    return element("div", whole, class_="wide")
