"""`ProgressiveSize`: training on smaller images first."""

import math
from typing import ClassVar

from keras_resnet_recipes.number import number
from keras_resnet_recipes.part import Part


class ProgressiveSize(Part):
    """Training images that are smaller at first, and have the recipe's `train_size` at last.

    With E epochs, counted from 0, images have `first_size` pixels up to epoch floor(begin * E) - 1, or epoch 0, and
    `train_size` from epoch floor(end * E) - 1 on. Between these two the size is linear in the epoch, rounded to the
    nearest multiple of `multiple`; halfway between two multiples, to the even one. The defaults give the sizes of
    FFCV's twelve configurations.

    An image of 160 * 160 pixels has 69 % of the pixels of one of 192 * 192. The network must take images of any size.
    On JAX the first step of each size compiles.

    Args:
        first_size: Side of the images of the first epoch in pixels, at least 1.
        begin: Fraction of the epochs after which the size begins to rise, at least 0.
        end: Fraction of the epochs after which it has risen, at least `begin` and at most 1.
        multiple: Sizes between the first and the last are multiples of this number of pixels.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> size = ProgressiveSize(first_size=160)
        >>> [size.in_epoch(epoch, epochs=16, last_size=192) for epoch in (0, 11, 12, 15)]
        [160, 160, 192, 192]

    References:
        `get_resolution` and the configurations of libffcv/ffcv-imagenet; Howard, "Now anyone can train Imagenet in 18
        minutes" (fast.ai, 2018).
    """

    prefix: ClassVar[str] = "progressive"

    first_size: int = number(help="side of a training image in the first epoch, pixels", minimum=1)
    begin: float = number(
        0.75, "fraction of the epochs after which the size rises", minimum=0, maximum=1
    )
    end: float = number(
        0.875, "fraction of the epochs after which it is the last", minimum=0, maximum=1
    )
    multiple: int = number(32, "sizes in between are multiples of it, pixels", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.missing() and self.end < self.begin:
            raise ValueError(
                f"`end` must be at least `begin` ({self.begin}). Received: end={self.end}"
            )

    def in_epoch(self, epoch: int, epochs: int, last_size: int) -> int:
        """Returns the side of the training images of an epoch in pixels.

        Args:
            epoch: The epoch, from 0.
            epochs: Number of epochs.
            last_size: Side of the images of the last epoch in pixels.
        """
        first = max(math.floor(self.begin * epochs) - 1, 0)
        last = math.floor(self.end * epochs) - 1
        if epoch >= last:
            return last_size
        if epoch <= first:
            return self.first_size
        rise = (last_size - self.first_size) * (epoch - first) / (last - first)
        size = round((self.first_size + rise) / self.multiple) * self.multiple
        return min(max(size, self.first_size), last_size)
