"""Training of one model by several processes, one per host: JAX only."""

import contextlib
import json
import os
from collections.abc import Iterator

import keras


def host() -> tuple[int, int]:
    """Returns the index of this host, from 0, and the number of hosts in the current `scope`.

    Example:
        >>> host()
        (0, 1)
    """
    current = keras.distribution.distribution()
    return (0, 1) if current is None else (current.data_shard_id, current.num_processes)


def is_writer() -> bool:
    """Returns whether this process writes files common to all hosts, such as a run folder.

    Example:
        >>> is_writer()
        True
    """
    return host()[0] == 0


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Context manager: variables created inside are local to this process.

    Otherwise each new variable is compared between all hosts, and one that another host does not create
    blocks forever. Keras' `save_weights` creates some at its first call, to inspect the optimizer class.
    Existing variables are not affected.

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
    """Returns the values of all hosts, by index of the host; waits until every host has called it.

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

    These are `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `KERAS_DISTRIBUTION_NUM_PROCESSES` and
    `KERAS_DISTRIBUTION_PROCESS_ID`. Call it before any computation, as `krr train` does.

    Example:
        >>> join_hosts()
    """
    if keras.backend.backend() == "jax" and _expected() > 1 and _processes() == 1:
        keras.distribution.initialize()


def check_hosts(distribution: str) -> None:
    """Raises ValueError if each of several processes would silently train by itself."""
    backend = keras.backend.backend()
    if backend == "tensorflow" and (workers := _workers()) > 1:
        raise ValueError(
            "TF_CONFIG must not name several workers, because MultiWorkerMirroredStrategy does not work in Keras 3 "
            f"(keras-team/keras issue 20585). Received: {workers} workers. For several hosts use JAX: "
            "KERAS_BACKEND=jax and keras.distribution.initialize(), see docs/scale-out.md. For one host unset "
            "TF_CONFIG."
        )
    if backend != "jax":
        return
    processes = _processes()
    if processes == 1 and _expected() > 1:
        raise ValueError(
            f"KERAS_DISTRIBUTION_NUM_PROCESSES is {_expected()}, but this process has not joined others: call "
            "keras.distribution.initialize() first, before any computation, or unset it."
        )
    if processes > 1 and distribution == "none":
        raise ValueError(
            f"`distribution` must be 'auto' or 'data_parallel' in one of {processes} processes, because with "
            "'none' each would train the same model by itself. Received: distribution='none'"
        )
    if processes > 1:
        import jax

        if jax.local_device_count() * processes != jax.device_count():
            raise ValueError(
                "all hosts must have the same number of devices. Received: this one has "
                f"{jax.local_device_count()} of the {jax.device_count()} on {processes} hosts"
            )


def _processes() -> int:
    import jax

    # `jax.process_count` would initialize the backend, after which a process cannot join others.
    return jax.process_count() if jax.distributed.is_initialized() else 1


def _expected() -> int:
    return int(os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES") or 1)


def _workers() -> int:
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return sum(len(cluster.get(kind, ())) for kind in ("chief", "master", "worker"))
