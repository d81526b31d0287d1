"""Work on many images, in threads and in order."""

import collections
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def mapped(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """`map` on all processors: results in order, a few of them ahead, whatever the number of items.

    Decoding leaves Python's lock, so threads are enough.

    Example:
        >>> list(mapped(abs, range(-3, 3)))
        [3, 2, 1, 0, 1, 2]
    """
    workers = os.cpu_count() or 1
    waiting: collections.deque[Future[_Result]] = collections.deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
