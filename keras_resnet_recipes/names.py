"""What to say of a name that nobody knows."""

import difflib
from collections.abc import Iterable
from pathlib import Path


def closest(name: str, names: Iterable[str]) -> str:
    """A hint for a misspelt name, or nothing when no legal name is near.

    >>> closest("epoch", ["epochs", "loss"])
    ' Did you mean `epochs`?'
    """
    legal = list(names)
    # In other letter case, a1 is nearer to C1 than to A1.
    near = [one for one in legal if one.lower() == name.lower()]
    near = near or difflib.get_close_matches(name, legal)
    # float16 is nearer to float32, but part of mixed_float16.
    longer = [candidate for candidate in near if name in candidate]
    return f" Did you mean `{(longer or near)[0]}`?" if near else ""


def closest_path(path: Path) -> str:
    """A hint for a path that does not exist: what lies at its place and is called nearly the same.

    >>> closest_path(Path("no/such"))
    " There is no folder 'no' either."
    """
    if path.exists():
        return ""
    try:
        beside = [child.name for child in path.parent.iterdir()]
    except OSError:
        return f" There is no folder {str(path.parent)!r} either."
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f" Did you mean {str(path.parent / near[0])!r}?" if near else ""
