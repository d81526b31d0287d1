"""TensorFlow, imported when something of it is first used: a recipe holds augmentations and needs none of it."""

import functools
import importlib
from collections.abc import Callable
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module("tensorflow"), name)


def compiled(operation: Callable[..., Any]) -> Callable[..., Any]:
    """A function that XLA compiles when it is first called."""

    @functools.cache
    def made() -> Any:
        tensorflow = importlib.import_module("tensorflow")
        return tensorflow.function(operation, autograph=False, jit_compile=True)

    @functools.wraps(operation)
    def call(*arguments: Any) -> Any:
        return made()(*arguments)

    return call
