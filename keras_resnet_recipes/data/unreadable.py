"""What happens to images that cannot be read: skipped, counted and named, or refused."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.decode import decode

# One bad file in a hundred is a blemish; more is a broken data set, and training on the rest of it
# would be another experiment.
TOLERATED_SHARE = 0.01


class UnreadableImages:
    """Watches a pipeline for images that fail, and knows their names.

    TensorFlow drops a failing element without a word or stops at it without its name. The
    elements here carry their place in the order; a gap between two places names what was lost.

    Args:
        data: The data set the pipeline reads.
        policy: `"skip"` goes on until more than 1 % of the data set failed, `"raise"` stops at once,
            `"name"` goes on whatever fails.
    """

    def __init__(self, data: ImageDataset, policy: str) -> None:
        self.reasons: dict[str, str] = {}
        self.error: Exception | None = None
        self._data = data
        self._policy = policy
        self._told = 0

    def watch(
        self,
        batches: tf.data.Dataset,
        length: tf.Tensor,
        index_at: Callable[[tf.Tensor], tf.Tensor],
        first: Any = 0,
    ) -> tf.data.Dataset:
        """The batches; what is missing between their elements is reported.

        Args:
            batches: Elements (places [n], images [n, ...], labels [n, ...], ...) without what failed;
                places rise by one from `first` where nothing did.
            length: Number of places, those before `first` among them; the largest int64 where it is
                not known.
            index_at: From places to what `ImageDataset.describe` takes.
            first: The first place.

        Returns:
            Elements (images, labels, ...).
        """
        specs = batches.element_spec
        end = tuple(tf.zeros([0, *(n or 0 for n in spec.shape[1:])], spec.dtype) for spec in specs)

        def reported(places: tf.Tensor, expected: tf.Tensor, following: tf.Tensor) -> tf.Tensor:
            passed = tf.range(expected, following)
            come = tf.reduce_any(passed[:, None] == places, axis=1)
            return tf.numpy_function(self.report, [index_at(passed[~come])], tf.int64)

        @tf.autograph.experimental.do_not_convert
        def step(expected: tf.Tensor, batch: Any) -> Any:
            places, none = batch[0], tf.constant(0, tf.int64)
            # Behind a stream of unknown length nothing is known to be missing.
            last = tf.where(length == tf.int64.max, expected, length)
            following = tf.concat([[last], places + 1], 0)[-1]
            lost = following - expected > tf.size(places, tf.int64)
            # Adding the count makes the report happen: nothing else of it is used.
            count = tf.cond(lost, lambda: reported(places, expected, following), lambda: none)
            return following + 0 * tf.ensure_shape(count, ()), batch

        watched = batches.concatenate(tf.data.Dataset.from_tensors(end))
        watched = watched.scan(tf.cast(first, tf.int64), step)
        filled = watched.filter(lambda places, *_: tf.size(places) > 0)
        return filled.map(lambda _, *parts: parts)

    def check_labels(self, labels: tf.Tensor, classes: int) -> tf.Tensor:
        """The labels, once each is known to be within 0..classes-1."""
        low, high = tf.reduce_min(labels), tf.reduce_max(labels)
        wrong = (low < 0) | (high >= classes)
        none = tf.constant(0, tf.int64)
        refuse = lambda: tf.numpy_function(self._refuse_labels, [low, high, classes], tf.int64)  # noqa: E731
        return labels + 0 * tf.ensure_shape(tf.cond(wrong, refuse, lambda: none), ())

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Turns the pipeline's error into the one that names the image."""
        try:
            with warnings.catch_warnings():
                # Keras warns at the end of any data whose number of batches it cannot know, and with
                # images that may be skipped nobody can.
                warnings.filterwarnings("ignore", "Your input ran out of data")
                yield
        except Exception:
            if self.error is not None:
                raise self.error from None
            raise
        if self.error is not None:
            raise self.error

    def warn(self) -> None:
        """Warns of the images that failed since the last call."""
        new = list(self.reasons.items())[self._told :]
        self._told = len(self.reasons)
        if new:
            names = "; ".join(f"{name}: {reason}" for name, reason in new[:10])
            more = f"; and {len(new) - 10} more" if len(new) > 10 else ""
            warnings.warn(
                f"{len(new)} unreadable image(s) of {self._data.name} skipped: {names}{more}",
                stacklevel=2,
            )

    def report(self, lost: np.ndarray) -> np.int64:
        """Notes images that failed, by what `ImageDataset.describe` takes; returns how many.

        Raises:
            ValueError: If the policy does not go on with so many.
        """
        if self.error is not None:
            # tf.data reads on past an error, and takes the image it stopped at for lost too.
            raise self.error
        if not len(lost):
            return np.int64(0)
        for index in lost.tolist():
            name = self._data.describe(index)
            if name not in self.reasons:
                self.reasons[name] = self._reason(index)
        worst, share = list(self.reasons.items())[-1], len(self.reasons) / (self._data.size or 1)
        if self._policy == "raise":
            self._fail(
                f"cannot read {worst[0]}: {worst[1]} (unreadable_images='skip' goes on without it)."
            )
        if self._policy == "skip" and self._data.size and share > TOLERATED_SHARE:
            self._fail(
                f"{len(self.reasons)} of the {self._data.size} images of {self._data.name} cannot be read, "
                f"more than 1 %; the last was {worst[0]}: {worst[1]}"
            )
        return np.int64(len(lost))

    def _reason(self, index: int) -> str:
        if not self._data.indexed:
            return "cannot be decoded"
        try:
            contents, _ = self._data.read(tf.constant(index, tf.int64))
            decode(contents)
        except tf.errors.OpError as error:
            return _told(error.message)
        return "was unreadable when its turn came"

    def _refuse_labels(self, low: np.ndarray, high: np.ndarray, classes: np.ndarray) -> np.int64:
        wrong = low if low < 0 else high
        self._fail(
            f"labels of {self._data.name} must be within 0..{classes - 1} for {classes} classes; received {wrong}."
        )

    def _fail(self, message: str) -> None:
        self.error = ValueError(message)
        raise self.error


def _told(message: str) -> str:
    """The one line of TensorFlow's message that says what is wrong."""
    around = ("Graph execution error", "Detected at node", "<stack traces", " ", "\t")
    lines = [line for line in message.splitlines() if line and not line.startswith(around)]
    line = (lines or ["cannot be decoded"])[0].split("[Op:")[0].split("}} ")[-1].strip()
    return line.removeprefix("assertion failed: ").strip("[]")
