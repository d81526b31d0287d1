"""The backend of Keras: what is set before it is imported, and what is said where it cannot be."""

import os
import sys
from pathlib import Path
from typing import NoReturn

BACKENDS = ("tensorflow", "jax", "torch")


def use_onednn() -> None:
    """On the command line lets TensorFlow compute with oneDNN on every processor; call it before Keras is imported.

    By itself TensorFlow does so on Linux on those with AVX-512 VNNI or BF16, AVX-VNNI or AMX, and on Neoverse V1; on
    others its own convolutions take up to four times as long (docs/benchmarks.md). TF_ENABLE_ONEDNN_OPTS in the
    environment decides where it is set, and always in Python: whoever imports the package may have other networks.

    References:
        DefaultOneDnnPolicy in tensorflow/core/util/port.cc.
    """
    if _is_command():
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


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
