"""Unreadable images: skipped, counted and reported, or errors."""

import threading
import warnings

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream

# One bad file in a hundred is tolerable; with more the data set is broken, and training on the remaining
# images would be a different experiment.
TOLERATED_SHARE = 0.01
# In a stream of unknown length, failures that are tolerated before the fraction is meaningful.
_ENOUGH = 10
POLICIES = ("skip", "raise", "name")


class UnreadableImages:
    """Collects unreadable images by name.

    Args:
        data: The data set that is read.
        policy: `"skip"` skips images until more than 1 % of the data set are unreadable (for a stream of unknown
            length, 1 % of the images read so far, and more than ten); `"raise"` raises at the first; `"name"`
            skips any number.

    Raises:
        ValueError: If `policy` is none of these.

    Example:
        >>> import numpy as np, keras_resnet_recipes as krr
        >>> images = krr.data.from_arrays(np.zeros((200, 8, 8), "uint8"), np.zeros(200, int))
        >>> unreadable = UnreadableImages(images, "skip")
        >>> unreadable.report(7, "truncated")
        >>> unreadable.reasons
        {'image 7 of the arrays': 'truncated'}
    """

    def __init__(self, data: ImageDataset | ImageStream, policy: str) -> None:
        if policy not in POLICIES:
            raise ValueError(
                f"`unreadable_images` must be one of {', '.join(map(repr, POLICIES))}. "
                f"Received: unreadable_images={policy!r}"
            )
        self.reasons: dict[str, str] = {}
        self._data = data
        self._policy = policy
        self._read = 0
        self._warned = 0
        self._lock = threading.Lock()

    def report(self, index: int, reason: object) -> None:
        """Records an unreadable image; can be called from any thread, and again for the same image.

        Args:
            index: Index of the image, or its position in a stream.
            reason: Reason in one line.

        Raises:
            ValueError: If the policy does not allow the image to be skipped.
        """
        name, is_known = self._data.describe(index), self._data.size is not None
        with self._lock:
            self.reasons.setdefault(name, str(reason))
            failed = len(self.reasons)
            self._read = self._data.size if is_known else max(self._read, index + 1)
        if self._policy == "raise":
            raise ValueError(f"cannot read {name}: {reason} (unreadable_images='skip' skips it).")
        tolerated = max(self._read * TOLERATED_SHARE, 0 if is_known else _ENOUGH)
        if self._policy == "skip" and failed > tolerated:
            so_far = "" if is_known else " read so far"
            raise ValueError(
                f"{failed} of the {self._read} images of {self._data.name}{so_far} cannot be read, more than 1 %; "
                f"the last was {name}: {reason}"
            )

    def warn(self) -> None:
        """Warns of the images that were reported since the last call."""
        with self._lock:
            new = list(self.reasons.items())[self._warned :]
            self._warned = len(self.reasons)
        if new:
            names = "; ".join(f"{name}: {reason}" for name, reason in new[:10])
            more = f"; and {len(new) - 10} more" if len(new) > 10 else ""
            warnings.warn(
                f"{len(new)} unreadable image(s) of {self._data.name} skipped: {names}{more}",
                stacklevel=2,
            )
