"""Training on several devices of one machine, and what Keras cannot do there."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import keras


@contextlib.contextmanager
def scope(name: Literal["auto", "none", "mirrored"] = "auto") -> Iterator[int]:
    """Builds what is built inside once per device; yields the number of replicas.

    Build and compile the model inside. Each replica then computes the gradients of its share of
    every batch, and their sum makes one update (`tf.distribute.MirroredStrategy`). On one device
    "mirrored" is the same as "none": 1 replica, no strategy. JAX spreads a model by
    `keras.distribution.DataParallel` instead, and torch does not spread it here.

    Args:
        name: "none" is one device. "mirrored" is every visible GPU, or every logical CPU device
            where there is no GPU; TensorFlow only. "auto" is "mirrored" with TensorFlow and two
            or more GPUs, and "none" otherwise.

    Yields:
        The number of replicas, at least 1.

    Raises:
        ValueError: If `name` is another one, or "mirrored" on another backend than TensorFlow.

    Example:
        >>> with scope("none") as replicas:
        ...     model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> replicas
        1

    Source: the guide "Multi-GPU distributed training with TensorFlow" of Keras
    (keras.io/guides/distributed_training_with_tensorflow).
    """
    if name not in ("auto", "none", "mirrored"):
        raise ValueError(f"`name` must be 'auto', 'none' or 'mirrored'. Received: name={name!r}")
    devices = _devices(name)
    if len(devices) < 2:
        yield 1
        return
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(devices)
    with strategy.scope():
        yield strategy.num_replicas_in_sync


def _devices(name: str) -> list[str]:
    backend = keras.backend.backend()
    if name == "mirrored" and backend != "tensorflow":
        raise ValueError(
            "`name` must be 'auto' or 'none' on this backend: 'mirrored' needs TensorFlow. "
            f"Received: name='mirrored' on the backend {backend!r}. "
            "JAX spreads a model by `keras.distribution.DataParallel`."
        )
    if name == "none" or backend != "tensorflow":
        return []
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU")
    if not devices and name == "mirrored":
        devices = tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def refuse_unsafe(
    replicas: int,
    *,
    gradient_clip: float | None,
    gradient_accumulation_steps: int | None,
    precision: str,
) -> None:
    """Raises if Keras 3.15 trains wrongly, and does not say so, on several replicas.

    On two or more replicas of `tf.distribute.MirroredStrategy`

    - clipping cuts the gradient of each replica before they are summed: after 4 steps at a low
      limit the weights were 37 % (2 replicas) or 116 % (4) of their movement away from one device;
    - gradient accumulation stops with an error from inside TensorFlow ("merge_call");
    - "mixed_float16" skips an update that overflowed only if it did so on the first replica: any
      other overflow makes all weights NaN for good.

    One device, and JAX on any number of devices, do all three right.

    Args:
        replicas: What `scope` yielded.
        gradient_clip: The limit for the norm of all gradients together, or None.
        gradient_accumulation_steps: Batches per update; 1 or None is no accumulation.
        precision: A Keras dtype policy, such as "float32" or "mixed_float16".

    Raises:
        ValueError: If `replicas` is above 1 and any of the three is asked for.

    Example:
        >>> settings = {"gradient_accumulation_steps": 1, "precision": "mixed_bfloat16"}
        >>> refuse_unsafe(2, gradient_clip=None, **settings)
        >>> refuse_unsafe(2, gradient_clip=1.0, **settings)
        Traceback (most recent call last):
            ...
        ValueError: Keras 3.15 does not train rightly on 2 replicas: ...

    Source: measured on 2 and 4 replicas with Keras 3.15.1 and TensorFlow 2.21; keras-team/keras
    issue 20582 (accumulation) and tensorflow/tensorflow issue 33929 (clipping).
    """
    if replicas < 2:
        return
    reasons = []
    if gradient_clip is not None:
        reasons.append(
            f"gradient_clip={gradient_clip!r}: every replica clips its own gradient before they "
            "are summed; use gradient_clip=None."
        )
    if (gradient_accumulation_steps or 1) > 1:
        reasons.append(
            f"gradient_accumulation_steps={gradient_accumulation_steps!r}: accumulating fails "
            "inside TensorFlow (merge_call); use gradient_accumulation_steps=1."
        )
    if precision == "mixed_float16":
        reasons.append(
            "precision='mixed_float16': an overflow on any replica but the first makes all weights "
            "NaN; use precision='float32' or 'mixed_bfloat16'."
        )
    if reasons:
        raise ValueError(
            f"Keras 3.15 does not train rightly on {replicas} replicas:\n- "
            + "\n- ".join(reasons)
            + "\nOr train on one device, with distribution='none'."
        )


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
