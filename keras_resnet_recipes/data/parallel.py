"""Threads: for many items at once, and for what is made ahead of its use."""

import collections
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Decoding and augmenting leave Python's lock; beyond so many threads what holds it is the limit.
_MOST = 16


def processors() -> int:
    """Processors that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def mapped(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int | None = None
) -> Iterator[_Result]:
    """`map` in threads: results in order, two per thread ahead of their use, whatever the number of items.

    Args:
        function: Called with each item.
        items: What it is called with.
        threads: Number of threads; by default as many as there are processors.

    Example:
        >>> list(mapped(abs, range(-3, 3)))
        [3, 2, 1, 0, 1, 2]
    """
    threads = threads or processors()
    waiting: collections.deque[Future[_Result]] = collections.deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # At the end of the process the threads have ended, and what they were made of may be gone.
        with contextlib.suppress(AttributeError):
            pool.shutdown(wait=False, cancel_futures=True)


class Workers:
    """Threads that work on the items of a batch together.

    Args:
        threads: How many; by default as many as there are processors, at most 16.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or min(processors(), _MOST)
        self._pool = ThreadPoolExecutor(self._threads)

    def each(self, function: Callable[[_Item], None], items: Sequence[_Item]) -> None:
        """Calls a function with every item, and waits; raises the first error."""
        # Few tasks: to hand one over costs as much as a flip.
        tasks = 4 * self._threads

        def call(first: int) -> None:
            for item in items[first::tasks]:
                function(item)

        for future in [self._pool.submit(call, first) for first in range(tasks)]:
            future.result()
