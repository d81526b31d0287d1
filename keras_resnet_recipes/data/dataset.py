"""`ImageDataset`: images with integer labels, whatever they come from."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.memory import ImageArrays, check_labels

# Images of a stream that wait in memory for their turn; the order of an indexed data set needs none.
SHUFFLE_BUFFER = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images with integer labels, read one at a time inside tf.data.

    Made by `from_folder`, `from_arrays`, `from_tfds` and `from_dataset`; anything else becomes one by giving
    these values. A source that can read its images in any order is shuffled completely; a
    stream is shuffled through a buffer of 4096 images.

    Args:
        name: What messages call the data set.
        size: Number of images, or None if unknown.
        classes: Number of classes, or None if unknown.
        class_names: Names in the order of the labels, or None.
        encoded: Whether images are file contents (JPEG, PNG, BMP, GIF, WebP) rather than pixels.
        read: In TensorFlow operations, from an int64 index (or an element of `stream`) to a pair of
            image, uint8 [height, width, 3] or encoded bytes, and integer label.
        describe: From the index of an image, or its position in the stream, to its name.
        labels: Labels of all images in the order of the index, where they are known.
        stream: Elements in their own order, for a source without an index.
        arrays: The same images and labels, where they lie in memory.

    >>> import numpy as np, keras_resnet_recipes as krr
    >>> images = krr.data.from_arrays(np.zeros((6, 8, 8, 3), "uint8"), np.arange(6) % 3)
    >>> images.size, images.indexed
    (6, True)
    """

    name: str
    size: int | None
    classes: int | None
    class_names: tuple[str, ...] | None
    encoded: bool
    read: Callable[[Any], tuple[tf.Tensor, tf.Tensor]]
    describe: Callable[[int], str]
    labels: np.ndarray | None = None
    stream: tf.data.Dataset | None = None
    arrays: ImageArrays | None = None

    @property
    def indexed(self) -> bool:
        """Whether images can be read in any order."""
        return self.stream is None

    def order(self, seed: tf.Tensor | None) -> tf.Tensor:
        """Indices of one pass, int64 [size]; shuffled by a stateless `seed` (integers [2]) or in order."""
        indices = tf.range(self.size, dtype=tf.int64)
        return indices if seed is None else tf.random.experimental.stateless_shuffle(indices, seed)

    def items(self, seed: tf.Tensor | None) -> tf.data.Dataset:
        """What `read` takes, for one pass; shuffled by `seed` or in order."""
        if self.stream is None:
            return tf.data.Dataset.from_tensor_slices(self.order(seed))
        if seed is None:
            return self.stream
        return _shuffled(self.stream, tf.cast(seed, tf.int64))

    def check_labels(self, classes: int) -> None:
        """Raises ValueError if a known label is outside 0..classes-1."""
        if self.labels is None or not len(self.labels):
            return
        check_labels(self.name, self.labels, classes)


def _shuffled(stream: tf.data.Dataset, seed: tf.Tensor) -> tf.data.Dataset:
    """`stream.shuffle`, which takes no seed that is known only inside the pipeline."""
    specs = tf.nest.flatten(stream.element_spec)
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(stream),
        buffer_size=SHUFFLE_BUFFER,
        seed=seed[0],
        seed2=seed[1],
        output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, stream.element_spec)
