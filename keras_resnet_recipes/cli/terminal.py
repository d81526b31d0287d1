"""The terminal: what is printed, and whether it is one."""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from keras_resnet_recipes.names import printable


def say(text: object, file: TextIO | None = None) -> None:
    """Prints text, in which control characters other than line breaks are escaped."""
    print(printable(str(text), keep="\n"), file=file)


def complain(text: object) -> None:
    """Prints an error or a warning to stderr, as the command."""
    say(f"krr: {text}", file=sys.stderr)


def discard_output() -> None:
    """Discards what stdout could not write, about which Python would complain once more at its exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def verbosity() -> int:
    """Returns Keras' `verbose`: 1, a progress bar, on a terminal; 2, one line per epoch, otherwise."""
    return 1 if sys.stdout.isatty() else 2


@contextlib.contextmanager
def plain_output(debug: bool) -> Iterator[None]:
    """Context manager: characters that stdout cannot encode are escaped, and a warning is one line.

    Args:
        debug: Whether warnings show the line of code, as in Python.
    """
    stdout, before = sys.stdout, warnings.formatwarning
    errors = getattr(stdout, "errors", None)
    if hasattr(stdout, "reconfigure"):
        stdout.reconfigure(errors="backslashreplace")
    if not debug:
        warnings.formatwarning = _one_line
    try:
        yield
    finally:
        warnings.formatwarning = before
        if hasattr(stdout, "reconfigure"):
            stdout.reconfigure(errors=errors)


def _one_line(message: Warning | str, *_: object) -> str:
    return f"krr: warning: {printable(' '.join(str(message).split()))}\n"
