"""Processes that are measured by turns, so that a change of the machine's mood meets all of them.

A worker makes a `Turns` before it imports anything heavy, calls `imported` after, and `done` after every update.
Everything that it prints is lost but what this module says to the parent, JSON lines on the pipe that
was its standard output. Only the standard library is needed: workers live in environments of their own.
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
    """The worker's side: counts updates, tells how long a turn took, and waits for the next."""

    def __init__(self) -> None:
        self._parent = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        self._begun = self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._left, self._first = 1, {}

    def imported(self) -> None:
        """Says that all imports are done."""
        self._first = {"import_seconds": time.perf_counter() - self._begun}

    def done(self, **told: Any) -> bool:
        """Says that an update is done, and what is told; at the end of a turn waits for the next, False if none."""
        self._left -= 1
        if self._left:
            return True
        now = {
            "cpu": time.process_time() - self._cpu,
            "wall": time.perf_counter() - self._wall,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps({**now, **self._first, **told}), file=self._parent)
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
    """A worker on so many cores, ended on leaving."""
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
    """What a worker says at the end of a turn."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(process.args)}: ended with {process.wait()}.")
    return json.loads(line)


def turn(process: subprocess.Popen[str], updates: int) -> dict[str, Any]:
    """Has a worker do so many updates."""
    print(updates, file=process.stdin, flush=True)
    return answer(process)
