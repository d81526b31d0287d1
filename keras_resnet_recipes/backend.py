"""The backend of Keras, without which nothing can be imported."""

import os
import sys
from pathlib import Path
from typing import NoReturn

BACKENDS = ("tensorflow", "jax", "torch")


def refuse(error: Exception) -> NoReturn:
    """Says why Keras cannot be imported: in Python as an ImportError, on the command line in one line.

    Args:
        error: What its import raised.

    Raises:
        ImportError: In Python, and with `--debug`.
        SystemExit: On the command line, which the package's own handling of errors has not reached yet.
    """
    name = os.environ.get("KERAS_BACKEND")
    said = "is not set" if name is None else f"is {name!r}"
    message = (
        f"Keras cannot be imported: {error}. KERAS_BACKEND {said}; it must be one of {', '.join(BACKENDS)}, "
        "and that package be installed."
    )
    if not _is_command() or "--debug" in sys.argv:
        raise ImportError(message) from error
    print(f"krr: error: {message}", file=sys.stderr)
    raise SystemExit(2)


def _is_command() -> bool:
    """Whether this process is `krr` or `python -m keras_resnet_recipes`."""
    # While `python -m` looks for a module, its name stands here only.
    module = dict(zip(sys.orig_argv, sys.orig_argv[1:], strict=False)).get("-m")
    return Path(sys.argv[0]).stem == "krr" or module == __package__
