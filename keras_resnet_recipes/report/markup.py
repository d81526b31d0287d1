"""HTML generation that always escapes text, control characters included."""

import html
from collections.abc import Mapping
from types import MappingProxyType

from keras_resnet_recipes.names import printable

_EMPTY = frozenset({"meta", "img", "br"})


class Markup(str):
    """A string that is already HTML; any other string is escaped."""

    __slots__ = ()


def element(
    name: str,
    *children: str,
    attributes: Mapping[str, object] = MappingProxyType({}),
    **simple: object,
) -> Markup:
    """Returns an HTML or SVG element.

    Args:
        name: Name of the element.
        *children: Contents: `Markup` is inserted unchanged, other strings are escaped.
        attributes: Attributes whose names are not Python identifiers.
        **simple: Other attributes; `class_` is class. Values are escaped.

    Example:
        >>> element("p", "1 < 2 ", element("b", "x & y"), class_='a"b')
        '<p class="a&quot;b">1 &lt; 2 <b>x &amp; y</b></p>'
    """
    values = {**attributes, **{key.removesuffix("_"): value for key, value in simple.items()}}
    written = "".join(f' {key}="{_escaped(str(value))}"' for key, value in values.items())
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*parts: str) -> Markup:
    """Concatenates HTML and text, which is escaped.

    Example:
        >>> joined("a < b", element("i", "c"))
        'a &lt; b<i>c</i>'
    """
    return Markup("".join(part if isinstance(part, Markup) else _escaped(part) for part in parts))


def _escaped(text: str) -> str:
    return html.escape(printable(text, keep="\n"))


def table(header: tuple[str, ...], *rows: tuple[str, ...], class_: str = "") -> Markup:
    """Returns a table; the first cell of each row is its heading.

    Example:
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
    rendered = element("table", element("thead", head), element("tbody", *body), class_=class_)
    return element("div", rendered, class_="wide")
