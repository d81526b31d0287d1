"""`kernel`: compiles a function for this machine, without Python's lock, and keeps what was compiled."""

import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

# A division by zero is C's; strict IEEE arithmetic, because every byte counts: never `fastmath`.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when it is first called with arguments of a type.

    The machine code is kept next to the source, or in the user's cache directory where that cannot be
    written to; NUMBA_CACHE_DIR names another one. Where nothing can be written, every process compiles.
    """
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return numba.njit(**_OPTIONS)(function)


class _Announcement(event.Listener):
    """Says once that kernels are being compiled, which takes a while."""

    def __init__(self) -> None:
        self.done = False

    def on_start(self, event: event.Event) -> None:
        """Prints where the result is kept, before the first kernel of this package is compiled."""
        dispatcher = event.data["dispatcher"]
        if self.done or not dispatcher.py_func.__module__.startswith(__package__):
            return
        self.done = True
        path = getattr(dispatcher.stats, "cache_path", None)
        kept = (
            f"once; kept in {path}" if path else "in every process: no cache directory is writable"
        )
        print(
            f"Compiling the image kernels for this machine: some 15 seconds, {kept}",
            file=sys.stderr,
        )

    def on_end(self, event: event.Event) -> None:
        """Nothing: only the start is announced."""


event.register("numba:compile", _Announcement())
