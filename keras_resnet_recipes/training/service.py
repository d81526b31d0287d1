"""A tf.data service: elements made by its workers, back in their order, and never a wait without end."""

import itertools
import queue
import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from keras_resnet_recipes.data import ImageDataset

# Elements that came before their turn wait in memory; an element that is not there when so many
# wait was lost with its worker, or is late.
WINDOW = 256
# TensorFlow itself tries again for an hour. A first element takes longest: workers start cold.
_PATIENCE = {"connect": 5.0, "dispatcher": 5.0, "register": 60.0, "element": 120.0}
# A graph is sent as one message, which cannot be larger than 2 GiB.
_LARGEST = 2**30
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}

_plain = tf.autograph.experimental.do_not_convert


def check_sendable(data: ImageDataset) -> None:
    """Raises ValueError if a data set cannot be read by workers of a tf.data service."""
    instead = (
        "give a folder, a .csv file or TFRecord files that the workers see under the same path; "
        "`krr prepare SRC DST` makes TFRecord files of any source."
    )
    if not data.indexed:
        raise ValueError(
            f"`data_service` needs images that can be read in any order, and {data.name} is a stream: {instead}"
        )
    read = tf.function(_plain(data.read)).get_concrete_function(tf.TensorSpec((), tf.int64))
    graph = read.graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    if any(node.op in _PYTHON for node in nodes):
        raise ValueError(
            f"`data_service` cannot send {data.name} to its workers, which have TensorFlow operations only: "
            f"`read` calls Python (tf.numpy_function or tf.py_function); {instead}"
        )
    bytes_ = sum(
        tensor.shape.num_elements() * tensor.dtype.size
        for tensor in read.captured_inputs
        if tensor.dtype.is_numpy_compatible and tensor.shape.is_fully_defined()
    )
    if bytes_ > _LARGEST:
        raise ValueError(
            f"`data_service` sends at most {_LARGEST >> 20:,} MiB to its workers; {data.name} holds "
            f"{bytes_ >> 20:,} MiB in memory: {instead}"
        )


def distributed(dataset: tf.data.Dataset, address: str) -> tf.data.Dataset:
    """The elements of a dataset, each made once by one of the workers, in any order.

    Args:
        dataset: What the workers run; its source is divided among them.
        address: `"grpc://host:port"` of the dispatcher.

    Raises:
        ValueError: If the address has another form.
        ConnectionError: If no dispatcher answers there.
    """
    form = re.fullmatch(r"grpc://([^/:]+|\[[^/]+\]):(\d{1,5})", address)
    if form is None or int(form[2]) >= 2**16:
        raise ValueError(f'`data_service` must be "grpc://host:port"; received {address!r}.')
    try:
        socket.create_connection((form[1].strip("[]"), int(form[2])), _PATIENCE["connect"]).close()
    except OSError as error:
        raise ConnectionError(
            f"`data_service`: nothing answers at {address!r} ({error.strerror or error})."
        ) from None
    transformation = tf.data.experimental.service.distribute(
        tf.data.experimental.service.ShardingPolicy.DYNAMIC, address, compression=None
    )
    stranger = f"`data_service`: what answers at {address!r} is no tf.data service dispatcher."
    _within("dispatcher", lambda: tf.data.Dataset.range(1).apply(transformation), stranger)
    slow = f"`data_service`: {address!r} did not take what its workers are to do."
    return _within("register", lambda: dataset.apply(transformation), slow)


def in_order(dataset: tf.data.Dataset, address: str, first: int) -> Iterator[list[Any] | None]:
    """What follows the number in each element of `dataset`, endlessly by rising number.

    Args:
        dataset: Elements (number, ...) of `distributed`, endless.
        address: For messages.
        first: The number to begin with.

    Yields:
        The NumPy arrays after the number, or None where an element was lost or comes too late.

    Raises:
        ConnectionError: If no worker gives anything for two minutes.
    """
    silent = f"`data_service`: no worker of {address!r} gave a picture for {_PATIENCE['element']:.0f} seconds."
    elements = _within("element", dataset.as_numpy_iterator, silent)
    waiting: dict[int, list[Any]] = {}
    for wanted in itertools.count(first):
        while wanted not in waiting and len(waiting) < WINDOW:
            number, *rest = _within("element", lambda: next(elements), silent)
            # What was given up as lost may still come.
            if number >= wanted:
                waiting[int(number)] = rest
        if wanted not in waiting:
            warnings.warn(
                f"`data_service`: a worker of {address!r} stopped or is late; its pictures are made here.",
                stacklevel=2,
            )
        yield waiting.pop(wanted, None)


def _within(what: str, action: Callable[[], Any], message: str) -> Any:
    """The result of `action`, or ConnectionError when it takes too long: it cannot be stopped, only left."""
    result: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            result.put((action(), None))
        except Exception as error:
            result.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = result.get(timeout=_PATIENCE[what])
    except queue.Empty:
        raise ConnectionError(message) from None
    if isinstance(error, tf.errors.OpError):
        raise ConnectionError(f"{message} {error.message.splitlines()[0]}") from None
    if error is not None:
        raise error
    return value
