"""Keras' backend: settings before its import, and errors of the import."""

import importlib
import os
import sys
import tempfile

from keras_resnet_recipes.extras import install

BACKENDS = ("tensorflow", "jax", "torch")


def prepare_command(debug: bool) -> None:
    """Sets TensorFlow's environment variables; must be called before Keras is imported.

    TensorFlow's startup messages are hidden unless `debug` is set. oneDNN is enabled on every processor. By
    default TensorFlow on Linux enables it only with AVX-512 VNNI or BF16, AVX-VNNI or AMX, and on Neoverse V1;
    elsewhere its own convolutions take up to four times as long (docs/benchmarks.md). Variables that are already
    set are kept. Only the command line calls this: in Python, the process may also run other networks.

    Args:
        debug: Whether to show the messages.

    References:
        DefaultOneDnnPolicy in tensorflow/core/util/port.cc.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def import_keras(debug: bool) -> None:
    """Imports Keras for the command line, without TensorFlow's startup messages.

    The messages bypass Python's stderr, and no setting hides all of them. They are shown if the import fails.

    Args:
        debug: Whether to show them in any case.
    """
    if debug:
        importlib.import_module("keras_resnet_recipes.distribution")
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            devices = importlib.import_module("keras_resnet_recipes.distribution")
            # TensorFlow's first listing of devices writes messages; JAX must join its hosts before any listing.
            if sys.modules["keras"].backend.backend() == "tensorflow":
                devices.accelerators()
        except BaseException:
            messages.seek(0)
            os.write(stderr, messages.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def import_module(name: str) -> None:
    """Imports a user's module, also from the current folder.

    Raises:
        ValueError: If the import fails.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        importlib.import_module(name)
    except Exception as error:
        raise ValueError(
            f"`--import` must name an importable module. Received: {name!r} ({type(error).__name__}: {error})"
        ) from error


def unusable(error: Exception) -> str | None:
    """Returns the message for an error of importing Keras or its backend, and None for other errors."""
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "Model"):
        return None
    if not isinstance(error, ImportError | ValueError) or "keras" not in _files_of(error):
        return None
    name = os.environ.get("KERAS_BACKEND")
    return (
        f"Keras cannot be imported: {error}. KERAS_BACKEND must be an installed backend of "
        f"{', '.join(BACKENDS)}. Received: KERAS_BACKEND={name!r}. To install one: "
        f"{install('tensorflow')}; or jax, or torch."
    )


def _files_of(error: Exception) -> set[str]:
    """Returns the packages in the traceback of an error."""
    packages, trace = set(), error.__traceback__
    while trace is not None:
        packages.add(trace.tb_frame.f_globals.get("__name__", "").partition(".")[0])
        trace = trace.tb_next
    return packages
