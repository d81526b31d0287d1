"""Random shift by a few pixels: pad an image, then crop it to its original size."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row
from keras_resnet_recipes.augment.variates import below
from keras_resnet_recipes.number import number


class PadAndCrop(PackedAugmentation):
    """Pads an image on all sides, then takes a random crop of the original size.

    `keras.layers.RandomCrop` does not pad, and takes the same crop of all images of a batch.

    Args:
        padding: Pixels added on each side, at least 1 and less than the image's height and width.
        fill: Color of the padding, a number or one per channel, in the units of the image. None pads
            by reflection, without repeating the edge.

    Raises:
        ValueError: If an argument is out of range; when applied, if the image is too small.

    Example:
        >>> PadAndCrop(padding=4)(np.zeros((32, 32, 3), np.uint8), np.random.default_rng(0)).shape
        (32, 32, 3)

    References:
        He et al. (arXiv:1512.03385), section 4.2, which pads with 4 pixels of zero after subtracting
        the mean; cifar10-fast `core.py`, which pads by reflection.
    """

    prefix: ClassVar[str] = "pad"
    on_device: ClassVar[bool] = True
    uniforms: ClassVar[int] = 2

    padding: int = number(
        4, "pixels padded on each side before a crop of the original size", minimum=1
    )
    fill: float | tuple[float, float, float] | None = number(
        None, "color of the padding, 0 to 255", minimum=0, maximum=255, none="reflection"
    )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `corner`, int32 [n, 2]: top and left of the crop in the padded image."""
        return {"corner": below(ops, uniform, 2 * self.padding + 1)}

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Pads and crops packed pixels."""
        check_padding(self.padding, *pixels.shape)
        fill = None if self.fill is None else kernels.boxes.packed_color(self.fill)
        return kernels.boxes.padded_crop(pixels, *map(int, drawn["corner"]), self.padding, fill)

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes by how many pixels the image is shifted.

        Example:
            >>> PadAndCrop(padding=2).describe({"corner": (2, 0)}, 8, 8)
            '2 right'
        """
        down, right = (self.padding - int(first) for first in drawn["corner"])
        return moved_text(down, right)


def check_padding(padding: int, height: Any, width: Any) -> None:
    """Raises a ValueError if an image of static size is too small to be padded by reflection."""
    for length in (height, width):
        if isinstance(length, int) and length <= padding:
            raise ValueError(
                f"`padding` must be less than the image's {length} pixels. Received: padding={padding!r}"
            )


def moved_text(down: int, right: int) -> str:
    """Returns the shift of an image as text.

    Example:
        >>> moved_text(-2, 1), moved_text(0, 0)
        ('2 up, 1 right', '')
    """
    ways = ((down, "down", "up"), (right, "right", "left"))
    return ", ".join(f"{abs(way)} {one if way > 0 else other}" for way, one, other in ways if way)
