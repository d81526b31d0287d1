"""The backend of Keras: what is set before it is imported, and what is said where it cannot be."""

import importlib
import os
import sys
import tempfile

BACKENDS = ("tensorflow", "jax", "torch")


def prepare_command(debug: bool) -> None:
    """Sets what TensorFlow reads when it is imported; the command line calls it before anything imports Keras.

    TensorFlow's start-up lines are left out unless `debug`. It computes with oneDNN on every processor: by
    itself it does so on Linux on those with AVX-512 VNNI or BF16, AVX-VNNI or AMX, and on Neoverse V1; on others
    its own convolutions take up to four times as long (docs/benchmarks.md). What the environment says
    counts, and in Python nothing is set: whoever imports the package may have other networks.

    Args:
        debug: Whether the lines are shown.

    References:
        DefaultOneDnnPolicy in tensorflow/core/util/port.cc.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def import_keras(debug: bool) -> None:
    """Imports Keras for the command line, without the lines that TensorFlow writes while it starts.

    They are written past Python, and no setting leaves all of them out. They are shown if the import fails.

    Args:
        debug: Whether they are shown in any case.
    """
    if debug:
        importlib.import_module("keras_resnet_recipes.distribution")
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as lines:
        os.dup2(lines.fileno(), 2)
        try:
            devices = importlib.import_module("keras_resnet_recipes.distribution")
            # TensorFlow looks for devices when it is first asked; JAX must be told of its hosts before.
            if sys.modules["keras"].backend.backend() == "tensorflow":
                devices.accelerators()
        except BaseException:
            lines.seek(0)
            os.write(stderr, lines.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def import_module(name: str) -> None:
    """Imports a module of the user's, which may lie in the current folder.

    Raises:
        ValueError: If that fails.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"`--import` {name!r}: {type(error).__name__}: {error}") from error


def unusable(error: Exception) -> str | None:
    """What to say of Keras' own error when its backend cannot be imported; None of any other error."""
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "Model"):
        return None
    if not isinstance(error, ImportError | ValueError) or "keras" not in _files_of(error):
        return None
    name = os.environ.get("KERAS_BACKEND")
    said = "is not set" if name is None else f"is {name!r}"
    return (
        f"Keras cannot be imported: {error}. KERAS_BACKEND {said}; it must be one of {', '.join(BACKENDS)}, "
        "and installed: pip install 'keras-resnet-recipes[tensorflow]', or [jax], or [torch]."
    )


def _files_of(error: Exception) -> set[str]:
    """The packages in whose files an error passed."""
    packages, trace = set(), error.__traceback__
    while trace is not None:
        packages.add(trace.tb_frame.f_globals.get("__name__", "").partition(".")[0])
        trace = trace.tb_next
    return packages
