"""Suggestions for misspelt names and paths."""

import difflib
from collections.abc import Iterable
from pathlib import Path


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
