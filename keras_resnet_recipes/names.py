"""Names in messages and files: control characters escaped, counts, and suggestions for misspelt names."""

import contextlib
import difflib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

# Zero-width joiners, which emoji and several scripts need.
_JOINERS = "\u200c\u200d"


def printable(text: str, keep: str = "") -> str:
    r"""Returns text that a terminal, a page or a table shows as it is.

    Control characters, which could color a terminal, set its title or clear it, and invisible ones, which could
    reverse the order of the text, are escaped as by `repr`; spaces and zero-width joiners are kept. Bytes of a file
    name that are not UTF-8 become \xff.

    Args:
        text: The text.
        keep: Control characters to keep, such as line breaks of a message.

    Example:
        >>> print(printable("caf\xe9 \x1b[2J \u202egpj.exe"))
        café \x1b[2J \u202egpj.exe
    """
    with contextlib.suppress(UnicodeEncodeError):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(one if one in keep or _shown(one) else ascii(one)[1:-1] for one in text)


def _shown(one: str) -> bool:
    return one.isprintable() or one in _JOINERS or unicodedata.category(one) == "Zs"


def counted(count: int, name: str) -> str:
    """Returns a number of things as text.

    Example:
        >>> counted(1, "epoch"), counted(2000, "image")
        ('1 epoch', '2,000 images')
    """
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def closest(name: str, names: Iterable[str]) -> str:
    """Returns a suggestion for a misspelt name; empty if no legal name is similar.

    Example:
        >>> closest("epoch", ["epochs", "loss"])
        ' Did you mean `epochs`?'
    """
    legal = list(names)
    # Ignoring case first, because difflib finds C1 closer to a1 than A1.
    near = [one for one in legal if one.lower() == name.lower()]
    near = near or difflib.get_close_matches(name, legal)
    # float16 is closer to float32, but part of mixed_float16.
    longer = [candidate for candidate in near if name in candidate]
    return f" Did you mean `{(longer or near)[0]}`?" if near else ""


def closest_path(path: Path) -> str:
    """Returns a suggestion for a path that does not exist: an entry of the same folder with a similar name.

    Example:
        >>> closest_path(Path("no/such"))
        " There is no folder 'no' either."
    """
    if path.exists():
        return ""
    try:
        siblings = [child.name for child in path.parent.iterdir()]
    except OSError:
        return f" There is no folder {str(path.parent)!r} either."
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
