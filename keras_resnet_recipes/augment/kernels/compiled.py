"""`kernel`: compiles a function for this machine, without the GIL, and caches the machine code."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import caching, event

# Division by zero as in C, and strict IEEE arithmetic, never `fastmath`, because every byte counts.
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Decorator that compiles a function at its first call with arguments of given types.

    The machine code is cached next to the source or, if that is not writable, in the user's cache
    directory; NUMBA_CACHE_DIR sets another one. If no directory is writable, every process compiles.
    """
    dispatcher = numba.njit(**_OPTIONS)(function)
    # Raised if no cache directory is writable.
    with contextlib.suppress(RuntimeError):
        dispatcher._cache = _Cache(function)
    return dispatcher


class _Cache(caching.FunctionCache):
    """Function cache that ignores damaged or unwritable files, at the cost of compiling again."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling a truncated file can raise anything
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            # The disk is full, or the index is damaged: only this process uses the machine code.
            with contextlib.suppress(OSError):
                self.flush()


class _Announcement(event.Listener):
    """Prints once that kernels are being compiled, which takes several seconds."""

    def __init__(self) -> None:
        self.done = False

    def on_start(self, event: event.Event) -> None:
        """Prints a message with the cache path before the first kernel of this package is compiled."""
        dispatcher = event.data["dispatcher"]
        if self.done or not dispatcher.py_func.__module__.startswith(__package__):
            return
        self.done = True
        path = getattr(dispatcher.stats, "cache_path", None)
        kept = (
            f"they are cached in {path}"
            if path
            else "again in every process, because no cache directory is writable"
        )
        print(
            f"Compiling image kernels for this machine, up to 15 seconds; {kept}", file=sys.stderr
        )

    def on_end(self, event: event.Event) -> None:
        """Does nothing; only the start is announced."""


event.register("numba:compile", _Announcement())
