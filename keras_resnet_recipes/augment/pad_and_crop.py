"""Moving an image by a few pixels: enlarge it at all sides, cut out its first size anywhere."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.augment.variates import below
from keras_resnet_recipes.number import number


class PadAndCrop(PackedAugmentation):
    """Enlarges an image at all sides, then cuts out a part of its first size, all equally likely.

    `keras.layers.RandomCrop` does not enlarge and takes the same part of all images of a batch.

    Args:
        padding: Pixels added at each side, at least 1 and less than the image has.
        fill: What they show, in the units of the image: a number or one per channel. None
            continues the image as its mirror image, without repeating the edge.

    Raises:
        ValueError: If an argument is out of its range; when applied, if the image is too small.

    Source: He et al. (arXiv 1512.03385), section 4.2, which adds 4 pixels of zero after
    subtracting the mean; cifar10-fast `core.py`, which adds the mirror image.

    >>> PadAndCrop(padding=4)(np.zeros((32, 32, 3), np.uint8), np.random.default_rng(0)).shape
    (32, 32, 3)
    """

    prefix: ClassVar[str] = "pad"
    on_device: ClassVar[bool] = True
    uniforms: ClassVar[int] = 2

    padding: int = number(
        4, "pixels padded at each side before a crop of the first size", minimum=1
    )
    fill: float | tuple[float, float, float] | None = number(
        None, "what is padded, 0 to 255", minimum=0, maximum=255, none="mirror image"
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`corner`, int32 [n, 2]: top and left in the enlarged image."""
        return {"corner": below(ops, uniform, 2 * self.padding + 1)}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Moves packed pixels."""
        check_padding(self.padding, *pixels.shape)
        fill = None if self.fill is None else kernels.boxes.packed_color(self.fill)
        return kernels.boxes.padded_crop(pixels, *map(int, drawn["corner"]), self.padding, fill)

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Says by how many pixels the image moves.

        >>> PadAndCrop(padding=2).describe({"corner": (2, 0)}, 8, 8)
        '2 right'
        """
        down, right = (self.padding - int(first) for first in drawn["corner"])
        return moved_text(down, right)


def check_padding(padding: int, height: Any, width: Any) -> None:
    """Raises a ValueError if an image is known to be too small for its mirror image to cover the padding."""
    for length in (height, width):
        if isinstance(length, int) and length <= padding:
            raise ValueError(
                f"`padding` must be less than the image's {length} pixels. Received: padding={padding}"
            )


def moved_text(down: int, right: int) -> str:
    """How far the pixels of an image move, for a reader.

    >>> moved_text(-2, 1), moved_text(0, 0)
    ('2 up, 1 right', '')
    """
    ways = ((down, "down", "up"), (right, "right", "left"))
    return ", ".join(f"{abs(way)} {one if way > 0 else other}" for way, one, other in ways if way)
