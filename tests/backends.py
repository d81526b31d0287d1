"""Parameters of tests that need not run on every backend."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def some(values: Iterable[Any], *, everywhere: Collection[Any]) -> list[Any]:
    """Marks the parameters of a test `one_backend`, except those of `everywhere`."""
    values = list(values)
    assert set(everywhere) <= set(values), everywhere
    return [
        value
        if value in everywhere
        else pytest.param(
            *(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.one_backend
        )
        for value in values
    ]
