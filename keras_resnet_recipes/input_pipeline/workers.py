"""Threads that make the images of a batch, and batches ahead of their use."""

import collections
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# Decoding and augmenting release Python's lock; beyond so many threads what holds it is the limit.
_MOST = 16
# Batches that are made before they are asked for.
_AHEAD = 2


class Workers:
    """A pool of threads, as many as there are processors, at most 16."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or min(_processors(), _MOST)
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="images")

    def map(self, function: Callable[[Any], None], items: list[Any]) -> None:
        """Calls the function with every item, and waits; the first error is raised."""
        if self.threads == 1 or len(items) < 2:
            for item in items:
                function(item)
            return
        chunk = -(-len(items) // (4 * self.threads))
        parts = [items[begin : begin + chunk] for begin in range(0, len(items), chunk)]

        def run(part: list[Any]) -> None:
            for item in part:
                function(item)

        for future in [self._pool.submit(run, part) for part in parts]:
            future.result()


def _processors() -> int:
    """Processors that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def ahead(make: Callable[[Any], T], keys: Iterable[Any]) -> Iterator[T]:
    """What `make` returns for each key, in their order, made ahead in a thread of its own."""
    waiting: collections.deque[Future[T]] = collections.deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
    try:
        for key in keys:
            waiting.append(pool.submit(make, key))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # At the end of the process the threads have ended, and what they were made of may be gone.
        with contextlib.suppress(AttributeError):
            pool.shutdown(wait=False, cancel_futures=True)
