"""On which devices a model is trained."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, Literal

import keras

from keras_resnet_recipes.distribution.hosts import check_hosts


@contextlib.contextmanager
def scope(
    distribution: Literal["auto", "none", "mirrored", "data_parallel"] = "auto",
) -> Iterator[int]:
    """Spreads what is built and trained inside over devices; yields the number of replicas.

    Build, compile and fit the model inside. Each replica computes the gradients of its share of
    every batch, and their sum makes one update. On one device every name is the same as "none":
    1 replica, nothing changed. Torch does not spread a model here.

    Compile with `jit_compile=False` (or "auto", which is the same under MirroredStrategy): XLA fails there
    with "Trying to access resource … located in device" (keras-team/keras issue 20763). In code of
    your own give the optimizer to `repair_optimizer`, and `AveragedStatistics()` to `fit`.

    Args:
        distribution: "none" is one device. "mirrored" is `tf.distribute.MirroredStrategy` over every
            visible GPU, or every logical CPU device where there is no GPU; TensorFlow only.
            "data_parallel" is `keras.distribution.DataParallel` over every device of
            `keras.distribution.list_devices()`, those of all hosts after `keras.distribution.initialize`;
            JAX only. "auto" is "mirrored" with TensorFlow and
            two or more GPUs, "data_parallel" with JAX and two or more devices, "none" otherwise.

    Yields:
        The number of replicas, at least 1.

    Raises:
        ValueError: If `distribution` is another one, or does not work on this backend; the message says
            what does. If several processes would train without each other.

    Example:
        >>> with scope("none") as replicas:
        ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> replicas
        1

    Source: the guides "Multi-GPU distributed training with TensorFlow" and "Distributed training
    with Keras 3" (keras.io/guides).
    """
    _check(distribution, keras.backend.backend())
    check_hosts(distribution)
    devices = _devices(distribution)
    if len(devices) < 2:
        yield 1
    elif keras.backend.backend() == "jax":
        before = keras.distribution.distribution()
        # Each host is given its own part of the data already.
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
    """The scope in which a model was built; yields the number of replicas.

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


def _check(distribution: str, backend: str) -> None:
    needs = {"mirrored": "tensorflow", "data_parallel": "jax"}
    if distribution not in ("auto", "none", *needs):
        raise ValueError(
            "`distribution` must be 'auto', 'none', 'mirrored' or 'data_parallel'. "
            f"Received: distribution={distribution!r}"
        )
    if needs.get(distribution, backend) == backend:
        return
    instead = {
        "tensorflow": "Use 'mirrored' (or 'auto') here; with DataParallel Keras would train on one "
        "device and not say so.",
        "jax": "Use 'data_parallel' (or 'auto') here.",
        "torch": "Use 'none' (or 'auto') here, or the backend "
        + ("TensorFlow." if distribution == "mirrored" else "JAX."),
    }
    raise ValueError(
        f"`distribution`={distribution!r} needs the Keras backend {needs[distribution]!r}. "
        f"Received: distribution={distribution!r} on the backend {backend!r}. {instead[backend]}"
    )


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> Any:
    # One strategy for the whole process: two number their all-reduces alike, and TensorFlow then
    # aborts ("Collective ops is aborted") as soon as their models differ.
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
    """The GPUs and TPUs that Keras' backend sees, such as `["gpu:0", "gpu:1"]`.

    Example:
        >>> all(":" in name for name in accelerators())
        True
    """
    if keras.backend.backend() == "torch":
        # Keras lists no devices on this backend.
        import torch

        return [f"gpu:{index}" for index in range(torch.cuda.device_count())]
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
