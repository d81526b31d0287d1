"""What one of several hosts makes of every batch."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Share:
    """An equal run of consecutive pictures out of every batch.

    Args:
        host: Which run, from 0.
        hosts: How many there are; divides `batch`.
        batch: Pictures of a batch.
        copies: Consecutive pictures made of the image at one place of the order.

    >>> Share(host=1, hosts=2, batch=4).places(8).numpy()
    array([2, 3, 6, 7])
    """

    host: int
    hosts: int
    batch: int
    copies: int = 1

    @property
    def size(self) -> int:
        """Pictures of a run."""
        return self.batch // self.hosts

    def owns(self, places: Any) -> Any:
        """Whether the pictures made at some places are in the run.

        Args:
            places: int64 tensor or array of any shape, or one such number.

        Returns:
            Booleans [..., copies], as tensor or array.
        """
        pictures = places[..., None] * self.copies + np.arange(self.copies)
        return pictures % self.batch // self.size == self.host

    def places(self, length: int) -> tf.Tensor:
        """The places below `length` of which the run holds a picture, rising, int64."""
        if self.hosts == 1:
            return tf.range(length, dtype=tf.int64)
        places = tf.range(length, dtype=tf.int64)
        return tf.boolean_mask(places, tf.reduce_any(self.owns(places), -1))
