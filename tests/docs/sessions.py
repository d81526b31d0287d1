"""Interpreter sessions of docstrings as code blocks."""

import re

SESSION = re.compile(r"^( *)>>> .*\n?(?:^\1\S.*\n?|^\1 +\S.*\n?)*", re.MULTILINE)


def fenced(text: str) -> str:
    """Fences every session, because Markdown reads `>>>` as a quotation."""
    return SESSION.sub(_fence, text)


def _fence(found: re.Match[str]) -> str:
    indent = found[1]
    return f"{indent}```pycon\n{found[0].rstrip()}\n{indent}```\n"
