"""`kernel`: compiles a function for this machine, without Python's lock, and keeps what was compiled."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import caching, event

# A division by zero is C's; strict IEEE arithmetic, because every byte counts: never `fastmath`.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """The function, compiled when it is first called with arguments of a type.

    The machine code is kept next to the source, or in the user's cache directory where that cannot be
    written to; NUMBA_CACHE_DIR names another one. Where nothing can be written, every process compiles.
    """
    dispatcher = numba.njit(**_OPTIONS)(function)
    # No directory is writable: every process compiles.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = _Cache(function)
    return dispatcher


class _Cache(caching.FunctionCache):
    """A file that is damaged, or that cannot be written, costs time and no more."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling half a file raises
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            # No room, or a damaged index: what was compiled is used by this process alone.
            with contextlib.suppress(OSError):
                self.flush()


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
            f"they are kept in {path}"
            if path
            else "again in every process, for no cache directory is writable"
        )
        print(
            f"Compiling image kernels for this machine, up to 15 seconds; {kept}", file=sys.stderr
        )

    def on_end(self, event: event.Event) -> None:
        """Nothing: only the start is announced."""


event.register("numba:compile", _Announcement())
