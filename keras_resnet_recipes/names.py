"""What to say of a name that nobody knows."""

import difflib
from collections.abc import Iterable


def closest(name: str, names: Iterable[str]) -> str:
    """A hint for a misspelt name, or nothing when no legal name is near.

    >>> closest("epoch", ["epochs", "loss"])
    ' Did you mean `epochs`?'
    """
    near = difflib.get_close_matches(name, list(names))
    # float16 is nearer to float32, but part of mixed_float16.
    longer = [candidate for candidate in near if name in candidate]
    return f" Did you mean `{(longer or near)[0]}`?" if near else ""
