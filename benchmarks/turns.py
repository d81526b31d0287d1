"""Worker processes that are measured in turns, so that fluctuations of the machine affect all of them.

A worker creates a `Turns` before it imports anything heavy, calls `imported` afterwards, and `done` after every update.
Its output is discarded, except for the JSON lines that this module sends to the parent on the pipe that
was its standard output. The module uses only the standard library, because workers run in separate environments.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Turns:
    """Worker side: counts updates, reports the duration of a turn, and waits for the next."""

    def __init__(self) -> None:
        self._parent = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._begun = self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._left, self._first = 1, {}

    def imported(self) -> None:
        """Records the time of the imports."""
        self._first = {"import_seconds": time.perf_counter() - self._begun}

    def done(self, **extra: Any) -> bool:
        """Counts an update. At the end of a turn, reports `extra` and waits; returns False if no turn follows."""
        self._left -= 1
        if self._left:
            return True
        now = {
            "cpu": time.process_time() - self._cpu,
            "wall": time.perf_counter() - self._wall,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps({**now, **self._first, **extra}), file=self._parent)
        self._first = {}
        line = sys.stdin.readline()
        if not line:
            return False
        self._left = int(line)
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return True


@contextlib.contextmanager
def worker(
    command: Sequence[str], environment: Mapping[str, str], cores: int
) -> Iterator[subprocess.Popen[str]]:
    """Starts a worker on `cores` cores; kills it on exit."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
        preexec_fn=lambda: os.sched_setaffinity(0, chosen),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Reads the report of a worker at the end of a turn."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(process.args)}: ended with {process.wait()}.")
    return json.loads(line)


def turn(process: subprocess.Popen[str], updates: int) -> dict[str, Any]:
    """Runs `updates` updates in a worker."""
    print(updates, file=process.stdin, flush=True)
    return answer(process)
