"""Distribution of training over devices."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import keras

from keras_resnet_recipes.distribution.hosts import check_hosts

# Where Linux lists its devices.
_DEVICES = Path("/dev")


@contextlib.contextmanager
def scope(
    distribution: Literal["auto", "none", "mirrored", "data_parallel"] = "auto",
) -> Iterator[int]:
    """Context manager that distributes training over devices; yields the number of replicas.

    Build, compile and fit the model inside. Each replica computes the gradients of its shard of every
    batch, and their sum is used for one update. On one device every name is equivalent to "none": 1
    replica, and no change. On torch training is not distributed.

    Compile with `jit_compile=False` (or "auto", which is the same under MirroredStrategy): XLA fails there
    with "Trying to access resource … located in device" (keras-team/keras issue 20763). In your own code
    pass the optimizer to `repair_optimizer`, and `AveragedStatistics()` to `fit`.

    Args:
        distribution: "none" is one device. "mirrored" is `tf.distribute.MirroredStrategy` over every
            visible GPU, or every logical CPU device if there is no GPU; TensorFlow only.
            "data_parallel" is `keras.distribution.DataParallel` over every device of
            `keras.distribution.list_devices()`, those of all hosts after `keras.distribution.initialize`;
            JAX only. "auto" is "mirrored" with TensorFlow and
            two or more GPUs, "data_parallel" with JAX and two or more devices, "none" otherwise.

    Yields:
        The number of replicas, at least 1.

    Raises:
        ValueError: If `distribution` is none of these, or does not work on this backend (the message names
            one that does), or if several processes would train separately.

    Example:
        >>> with scope("none") as replicas:
        ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> replicas
        1

    References:
        The guides "Multi-GPU distributed training with TensorFlow" and "Distributed training with
        Keras 3" (keras.io/guides).
    """
    check_distribution(distribution)
    check_hosts(distribution)
    devices = _devices(distribution)
    if len(devices) < 2:
        yield 1
    elif keras.backend.backend() == "jax":
        before = keras.distribution.distribution()
        # The data are already sharded per host.
        spread = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        keras.distribution.set_distribution(spread)
        try:
            yield len(devices)
        finally:
            keras.distribution.set_distribution(before)
    else:
        strategy = _mirrored(tuple(devices))
        with strategy.scope():
            yield strategy.num_replicas_in_sync


@contextlib.contextmanager
def scope_of(model: keras.Model) -> Iterator[int]:
    """Context manager: the scope in which a model was built; yields the number of replicas.

    Args:
        model: A model whose variables are on one device or, with TensorFlow, on several.

    Yields:
        The number of replicas, at least 1. On torch it is 1.

    Example:
        >>> with scope_of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])) as replicas:
        ...     replicas
        1
    """
    if keras.backend.backend() == "jax":
        values = [variable.value for variable in model.variables]
        spread = bool(values) and len(values[0].sharding.device_set) > 1
        with scope("data_parallel") if spread else contextlib.nullcontext(1) as replicas:
            yield replicas
        return
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is None:
        yield 1
        return
    with strategy.scope():
        yield strategy.num_replicas_in_sync


def check_distribution(distribution: str) -> None:
    """Raises ValueError unless this distribution exists on the backend."""
    backend = keras.backend.backend()
    needs = {"mirrored": "tensorflow", "data_parallel": "jax"}
    if distribution not in ("auto", "none", *needs):
        raise ValueError(
            "`distribution` must be 'auto', 'none', 'mirrored' or 'data_parallel'. "
            f"Received: distribution={distribution!r}"
        )
    if needs.get(distribution, backend) == backend:
        return
    instead = {
        "tensorflow": "Use 'mirrored' (or 'auto') here; with DataParallel Keras would silently train on "
        "one device.",
        "jax": "Use 'data_parallel' (or 'auto') here.",
        "torch": "Use 'none' (or 'auto') here, or the backend "
        + ("TensorFlow." if distribution == "mirrored" else "JAX."),
    }
    raise ValueError(
        f"`distribution`={distribution!r} requires the Keras backend {needs[distribution]!r}. "
        f"Received: distribution={distribution!r} on the backend {backend!r}. {instead[backend]}"
    )


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> Any:
    # One strategy per process: two would use the same numbers for their all-reduces, and TensorFlow
    # aborts ("Collective ops is aborted") if their models differ.
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(list(devices))


def _devices(distribution: str) -> list[str]:
    backend = keras.backend.backend()
    if distribution == "none" or backend == "torch":
        return []
    if backend == "jax":
        return keras.distribution.list_devices()
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    if not devices and distribution == "mirrored":
        devices = tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def accelerators() -> list[str]:
    """Returns the GPUs and TPUs visible to Keras' backend, such as `["gpu:0", "gpu:1"]`.

    Example:
        >>> all(":" in name for name in accelerators())
        True
    """
    if keras.backend.backend() == "torch":
        # Keras lists no devices on this backend.
        import torch

        return [f"gpu:{index}" for index in range(torch.cuda.device_count())]
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def unused_accelerator() -> str | None:
    """Returns a hint if the machine has an NVIDIA GPU that Keras' backend does not use; None otherwise.

    A GPU that CUDA_VISIBLE_DEVICES hides is not meant to be used.

    Example:
        >>> unused_accelerator() is None or "CUDA" in unused_accelerator()
        True
    """
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    # In WSL the GPU is another device.
    found = any(_DEVICES.glob("nvidia[0-9]*")) or (
        (_DEVICES / "dxg").exists() and shutil.which("nvidia-smi") is not None
    )
    if hidden or not found or accelerators():
        return None
    backend = keras.backend.backend()
    install = {
        "tensorflow": "pip install 'tensorflow[and-cuda]'",
        "jax": "pip install 'jax[cuda]'",
        "torch": "install torch with CUDA as pytorch.org says",
    }[backend]
    return (
        f"This machine has an NVIDIA GPU, but {backend} finds none and trains on the CPU, many times slower. To use "
        f"it: {install}, with a driver that fits its version of CUDA."
    )
