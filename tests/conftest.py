"""Setup and fixtures of all tests: the backend, quiet logs, and the golden files."""

import gc
import importlib
import importlib.util
import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# Tests and their subprocesses share compiled programs.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILATION_CACHE = tempfile.TemporaryDirectory(prefix="compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILATION_CACHE.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.3"

import budget
import numpy as np
import pytest

GOLDEN = Path(__file__).parent / "golden"
# The scripts that make the golden files need timm and are not part of the suite.
collect_ignore_glob = ["golden/make_*.py", "applications/make_*.py", "applications/parity_timm.py"]
# keras-cv has its own environment (`make keras-cv`). A folder named keras_cv would shadow the package.
if importlib.util.find_spec("keras_cv") is None:
    collect_ignore_glob.append("with_keras_cv/*")


def pytest_addoption(parser):
    budget.add_option(parser)


def pytest_configure(config):
    budget.configure(config)


class Golden:
    """One golden file: its arrays by name, and the JSON description stored with them."""

    def __init__(self, name: str) -> None:
        self._arrays = np.load(GOLDEN / f"{name}.npz", allow_pickle=False)
        self.meta: dict[str, Any] = json.loads(str(self._arrays["meta"]))

    def __getitem__(self, key: str) -> np.ndarray:
        return self._arrays[key]

    def __contains__(self, key: str) -> bool:
        return key in self._arrays


@pytest.fixture(scope="module", autouse=True)
def release_memory():
    """Models form reference cycles and compiled steps are cached: gigabytes in a process that runs all tests."""
    yield
    import keras

    keras.backend.clear_session()
    if keras.backend.backend() == "jax":
        importlib.import_module("jax").clear_caches()
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def no_autotuning():
    """The autotuning thread of tf.data may miss the end of its pipeline and block its owner for up to a minute."""
    import tensorflow as tf

    iterate = tf.data.Dataset.__iter__

    def untuned(dataset):
        options = tf.data.Options()
        options.autotune.enabled = False
        return iterate(dataset.with_options(options))

    with mock.patch.object(tf.data.Dataset, "__iter__", untuned):
        yield


@pytest.fixture(scope="module")
def tiny_resnet20():
    """Replaces ResNet20 with a network of one block, for tests in which the architecture does not matter."""
    import tiny

    with tiny.tiny_resnet20():
        yield


@pytest.fixture
def xla(monkeypatch):
    """Lets Keras use XLA even if an earlier test made TensorFlow deterministic."""
    if os.environ["KERAS_BACKEND"] == "tensorflow":
        config = importlib.import_module("tensorflow.python.framework.config")
        monkeypatch.setattr(config, "is_op_determinism_enabled", lambda: False)


@pytest.fixture(scope="session")
def golden():
    """The class of golden files: `golden("lamb")` opens tests/golden/lamb.npz."""
    return Golden
