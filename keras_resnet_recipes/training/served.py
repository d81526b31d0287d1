"""Training pictures made by the workers of a tf.data service: those of this process, in its order."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data import ImageDataset, UnreadableImages
from keras_resnet_recipes.training.service import check_sendable, distributed, in_order
from keras_resnet_recipes.training.share import Share

Maker = Callable[[int, np.ndarray], list[np.ndarray]]

_plain = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True, eq=False)
class Chunks:
    """The pictures of every epoch in chunks, each made from its number alone.

    Args:
        data: The images.
        count: Pictures of an epoch.
        length: Places in the order of an epoch, those that replace unreadable images among them.
        places: Places of a chunk.
        copies: Pictures of a place.
        order: From an epoch to the indices of the images at its places, int64 [length].
        pictures: From an epoch, places of one chunk and the indices there to elements
            (place, images [copies, size, size, 3], labels [copies]).
        share: Which of the pictures are wanted; other chunks are not made.
    """

    data: ImageDataset
    count: int
    length: int
    places: int
    copies: int
    order: Callable[[tf.Tensor], tf.Tensor]
    pictures: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.data.Dataset]
    share: Share

    def made(self, epoch: tf.Tensor, places: tf.Tensor, indices: tf.Tensor) -> Any:
        """(places, images, labels) of the places whose image can be read, maybe of none."""
        made = self.pictures(epoch, places, indices)
        none = tf.nest.map_structure(
            lambda spec: tf.zeros((0, *spec.shape), spec.dtype), made.element_spec
        )
        made = made.ignore_errors(log_warning=False).batch(self.places)
        return made.concatenate(tf.data.Dataset.from_tensors(none)).take(1).get_single_element()

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """The first place of every chunk that holds a wanted picture, int64."""
        wanted = self.share.places(self.length).numpy() // self.places
        return np.unique(wanted) * self.places

    @property
    def per_epoch(self) -> int:
        """Chunks of an epoch without unreadable images."""
        return int(np.searchsorted(self.starts, -(-self.count // self.copies)))

    def numbered(self, first_epoch: int) -> tf.data.Dataset:
        """Endless elements (number, places, images, labels); a number tells the epoch and the chunk."""
        starts = tf.constant(self.starts)

        @_plain
        def looked_up(known: Any, number: tf.Tensor) -> Any:
            # The order of a million images is made once an epoch, not once a chunk.
            epoch = number // self.per_epoch
            order = tf.cond(epoch == known[0], lambda: known[1], lambda: self.order(epoch))
            order = tf.ensure_shape(order, (self.length,))
            start = tf.gather(starts, number % self.per_epoch)
            places = tf.range(start, tf.minimum(start + self.places, self.length))
            return (epoch, order), (number, epoch, places, tf.gather(order, places))

        @_plain
        def made(number: tf.Tensor, *chunk: tf.Tensor) -> Any:
            return number, *self.made(*chunk)

        nothing = tf.constant(-1, tf.int64), tf.zeros(self.length, tf.int64)
        numbers = tf.data.Dataset.range(first_epoch * self.per_epoch, tf.int64.max)
        return numbers.scan(nothing, looked_up).map(made, num_parallel_calls=tf.data.AUTOTUNE)


def served_pictures(
    chunks: Chunks, address: str, epochs: range, unreadable: UnreadableImages
) -> tf.data.Dataset:
    """The pictures of all epochs in their order, in groups (images [n, size, size, 3], labels [n]).

    Workers make them. What no worker gives, because it stopped or because the file is damaged or of
    a format that only Pillow decodes, this process makes, or reports if it cannot either.

    Args:
        chunks: How pictures are made.
        address: `"grpc://host:port"` of a tf.data service dispatcher.
        epochs: The epochs.
        unreadable: Hears of images that fail.

    Raises:
        ValueError: If the address has another form, or the workers cannot read the data set.
        ConnectionError: If nothing answers at the address.
    """
    check_sendable(chunks.data)
    options = tf.data.Options()
    # Operations of Pillow stay here: an image that needs them fails at the workers and comes back.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    numbered = chunks.numbered(epochs.start)
    served = distributed(numbered.with_options(options), address)
    made_here = _maker(chunks)

    def pictures() -> Iterator[Any]:
        come = in_order(served, address, epochs.start * chunks.per_epoch)
        try:
            for epoch in epochs:
                made_there = itertools.islice(come, chunks.per_epoch)
                yield from _epoch(chunks, epoch, made_there, made_here, unreadable)
        except ConnectionError as error:
            unreadable.error = error
            raise

    signature = tuple(
        tf.TensorSpec((None, *spec.shape[2:]), spec.dtype) for spec in numbered.element_spec[2:]
    )
    return tf.data.Dataset.from_generator(pictures, output_signature=signature)


def _maker(chunks: Chunks) -> Maker:
    """From an epoch and places of one chunk to (indices, places, images, labels), in this process."""

    @tf.function(
        input_signature=[tf.TensorSpec((), tf.int64), tf.TensorSpec((None,), tf.int64)],
        autograph=False,
    )
    def made(epoch: tf.Tensor, places: tf.Tensor) -> Any:
        indices = tf.gather(chunks.order(epoch), places)
        return indices, *chunks.made(epoch, places, indices)

    return lambda epoch, places: [tensor.numpy() for tensor in made(epoch, places)]


def _epoch(
    chunks: Chunks,
    epoch: int,
    made_there: Iterator[list[np.ndarray] | None],
    made_here: Maker,
    unreadable: UnreadableImages,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pictures of an epoch; those that replace unreadable images are made here."""
    left = chunks.count // chunks.share.hosts
    for start in chunks.starts:
        places = np.arange(start, min(start + chunks.places, chunks.length))
        there = next(made_there, None)
        known = [] if there is None else there[0]
        missing = np.setdiff1d(places, known)
        if missing.size:
            indices, *here = made_here(epoch, missing)
            lost = ~np.isin(missing, here[0])
            if lost.any():
                unreadable.report(indices[lost])
            there = here if not len(known) else _merged(there, here)
        own = chunks.share.owns(np.asarray(there[0]))
        images, labels = (array[own][:left] for array in there[1:])
        if len(labels):
            yield images, labels
        left -= len(labels)
        if not left:
            return


def _merged(one: list[np.ndarray], other: list[np.ndarray]) -> list[np.ndarray]:
    """Two lists (places, images, labels) as one, by rising place."""
    order = np.argsort(np.concatenate([one[0], other[0]]))
    return [np.concatenate(arrays)[order] for arrays in zip(one, other, strict=True)]
