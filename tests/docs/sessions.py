"""Docstrings as the site shows them: sessions of the interpreter as blocks of code."""

import re

SESSION = re.compile(r"^( *)>>> .*\n?(?:^\1\S.*\n?|^\1 +\S.*\n?)*", re.MULTILINE)


def fenced(text: str) -> str:
    """The text with a fence around every session, which else would be quotations in Markdown."""
    return SESSION.sub(_fence, text)


def _fence(found: re.Match[str]) -> str:
    indent = found[1]
    return f"{indent}```pycon\n{found[0].rstrip()}\n{indent}```\n"
