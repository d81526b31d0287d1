"""What one of several hosts makes of every batch."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data import UnreadableImages

_plain = tf.autograph.experimental.do_not_convert


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

    def owned(self, elements: tf.data.Dataset) -> tf.data.Dataset:
        """Of elements that begin with their place those of which the run holds a picture."""
        if self.hosts == 1:
            return elements
        return elements.filter(
            _plain(lambda *element: tf.reduce_any(self.owns(tf.nest.flatten(element)[0])))
        )

    def watched(
        self,
        groups: tf.data.Dataset,
        unreadable: UnreadableImages,
        length: int | None,
        index_at: Callable[[tf.Tensor], tf.Tensor],
        first: Any = 0,
    ) -> tf.data.Dataset:
        """Groups without their places, once what is missing between them is reported.

        Args:
            groups: Elements (places [n], images [n, ...], labels [n, ...]), all `owned`.
            unreadable: Hears of what is missing.
            length: Number of places; None if unknown, which one host alone may leave so.
            index_at: From places to what `ImageDataset.describe` takes.
            first: The first place; 0 on several hosts.

        Returns:
            Elements (images, labels), or (images, labels, booleans [n, copies]) where a copy of an image
            can be in another host's run.
        """
        if self.hosts == 1:
            # Where a stream ends is not always known; a failure of its last image then goes unreported.
            end = tf.constant(tf.int64.max if length is None else length, tf.int64)
            return unreadable.watch(groups, end, index_at, first)
        own = self.places(length)

        @_plain
        def counted(places: tf.Tensor, *group: tf.Tensor) -> tuple[tf.Tensor, ...]:
            numbers = tf.searchsorted(own, places, out_type=tf.int64)
            return numbers, *group, *([self.owns(places)] if self.copies > 1 else [])

        return unreadable.watch(
            groups.map(counted),
            tf.size(own, tf.int64),
            lambda numbers: index_at(tf.gather(own, numbers)),
        )
