"""Interrupts of a training."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras


class InterruptBetweenBatches(keras.callbacks.Callback):
    """Delays Ctrl-C until the current batch is done, on JAX; a second Ctrl-C comes at once.

    On JAX a step takes the memory of the weights and returns new ones. An interrupt between the two leaves a model
    without weights, with Keras 3.15 for good. Other backends can be interrupted at any line.

    Example:
        >>> delay = InterruptBetweenBatches()
        >>> with delay.active():
        ...     pass  # model.fit(..., callbacks=[delay])
    """

    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self._requested = False

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Context manager: SIGINT is handled here, if this is the main thread and nobody else handles it."""
        default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        main = threading.current_thread() is threading.main_thread()
        if keras.backend.backend() != "jax" or not default or not main:
            yield
            return
        signal.signal(signal.SIGINT, self._request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self._raise()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Raises KeyboardInterrupt if it was requested."""
        self._raise()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Raises KeyboardInterrupt if it was requested."""
        self._raise()

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Raises KeyboardInterrupt if it was requested."""
        self._raise()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Raises KeyboardInterrupt if it was requested."""
        self._raise()

    def _request(self, number: int, frame: Any) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True

    def _raise(self) -> None:
        if self._requested:
            self._requested = False
            raise KeyboardInterrupt
