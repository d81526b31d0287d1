"""Thread pools: an ordered parallel `map` with prefetching, and workers for the items of a batch."""

import collections
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Decoding and augmentation release the GIL; with more threads, code that holds it is the bottleneck.
_MOST = 16


def processors() -> int:
    """Returns the number of CPU cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def mapped(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, threads: int | None = None
) -> Iterator[_Result]:
    """Maps a function over items in threads; yields results in order, and prefetches two per thread.

    Args:
        function: Called with each item.
        items: Any number of items, even infinitely many.
        threads: Number of threads; by default one per CPU core.

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
        # At interpreter exit the threads have ended, and the modules that the pool needs may be gone.
        with contextlib.suppress(AttributeError):
            pool.shutdown(wait=False, cancel_futures=True)


class Workers:
    """Threads that process the items of a batch together.

    Args:
        threads: Number of threads; by default one per CPU core, at most 16.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or min(processors(), _MOST)
        self._pool = ThreadPoolExecutor(self._threads)

    def each(self, function: Callable[[_Item], None], items: Sequence[_Item]) -> None:
        """Calls a function with every item, waits for all calls, and raises the first error."""
        # Few tasks, because submitting one costs as much as a flip.
        tasks = 4 * self._threads

        def call(first: int) -> None:
            for item in items[first::tasks]:
                function(item)

        for future in [self._pool.submit(call, first) for first in range(tasks)]:
            future.result()
