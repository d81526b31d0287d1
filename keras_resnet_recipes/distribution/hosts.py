"""Several processes, one on each host, that train one model: JAX only."""

import contextlib
import json
import os
from collections.abc import Iterator

import keras


def host() -> tuple[int, int]:
    """Which host this process is, from 0, and how many train together in the current `scope`.

    Example:
        >>> host()
        (0, 1)
    """
    current = keras.distribution.distribution()
    return (0, 1) if current is None else (current.data_shard_id, current.num_processes)


def is_writer() -> bool:
    """Whether this process writes what all hosts share, such as a run folder.

    Example:
        >>> is_writer()
        True
    """
    return host()[0] == 0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Inside, variables that come to be are this process's own.

    Else each is compared between all hosts, and one that another host does not make is waited for.
    Keras' `save_weights` makes some at its first call, to learn what an optimizer is. Variables
    made before stay where they are.

    Example:
        >>> with alone():
        ...     host()
        (0, 1)
    """
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def gather(value: int) -> list[int]:
    """The value that each host gave, by number of host; waits until all have given one.

    Args:
        value: An integer within int32.

    Example:
        >>> gather(3)
        [3]
    """
    if host()[1] == 1:
        return [value]
    import numpy as np
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(np.int32(value)).ravel().tolist()


def join_hosts() -> None:
    """Calls `keras.distribution.initialize()` on JAX if Keras' environment variables ask for it.

    They are `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID`. Call it before any computation. `krr train` does.

    Example:
        >>> join_hosts()
    """
    if keras.backend.backend() == "jax" and _expected() > 1 and _processes() == 1:
        keras.distribution.initialize()


def check_hosts(distribution: str) -> None:
    """Raises ValueError where each of several processes would train by itself and not say so."""
    backend = keras.backend.backend()
    if backend == "tensorflow" and (workers := _workers()) > 1:
        raise ValueError(
            f"TF_CONFIG names {workers} workers, and MultiWorkerMirroredStrategy does not work in Keras 3 "
            "(keras-team/keras issue 20585). Several hosts train on JAX: KERAS_BACKEND=jax and "
            "keras.distribution.initialize(), see docs/scale-out.md. For one host unset TF_CONFIG."
        )
    if backend != "jax":
        return
    processes = _processes()
    if processes == 1 and _expected() > 1:
        raise ValueError(
            f"KERAS_DISTRIBUTION_NUM_PROCESSES is {_expected()}, but this process is alone: call "
            "keras.distribution.initialize() first, before any computation, or unset it."
        )
    if processes > 1 and distribution == "none":
        raise ValueError(
            f"`distribution` must be 'auto' or 'data_parallel' in one of {processes} processes; "
            "with 'none' each would train the same by itself."
        )
    if processes > 1:
        import jax

        if jax.local_device_count() * processes != jax.device_count():
            raise ValueError(
                f"all hosts must have equally many devices; this one has {jax.local_device_count()} "
                f"of the {jax.device_count()} on {processes} hosts."
            )


def _processes() -> int:
    import jax

    # `jax.process_count` would begin computing, after which no process can join others.
    return jax.process_count() if jax.distributed.is_initialized() else 1


def _expected() -> int:
    return int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES") or 1)


def _workers() -> int:
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return sum(len(cluster.get(kind, ())) for kind in ("chief", "master", "worker"))
