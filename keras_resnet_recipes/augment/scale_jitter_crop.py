"""The scale augmentation of 2014 and 2015: resize the whole image at random, cut out a square."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import Crop, Row
from keras_resnet_recipes.augment.crop import INTERPOLATIONS, check_sized
from keras_resnet_recipes.augment.variates import below, cubic
from keras_resnet_recipes.number import number


class ScaleJitterCrop(Crop):
    """Resizes the shorter edge of an image to a random length, then cuts out a square anywhere.

    The aspect ratio stays, unlike with `RandomResizedCrop`. Only the part that the square shows is
    resized, and decoded where the decoder can cut, with the bytes that resizing the whole image
    gives. The longer edge is truncated to a whole number.

    Args:
        size: Height and width of the result in pixels, at least 1; a recipe gives its `train_size`.
        shorter_edge: Smallest and largest length, whole numbers of at least `size`; those between
            are equally likely.
        interpolation: "bilinear", "bicubic", or "random" for a fair coin. The paper names none,
            fb.resnet.torch has bicubic.

    Raises:
        ValueError: If an argument is out of its range.

    Source: He et al. (arXiv 1512.03385), section 3.4, after Simonyan and Zisserman (arXiv
    1409.1556), section 3.1; fb.resnet.torch `datasets/transforms.lua`, RandomScale.

    >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
    >>> crop(np.zeros((40, 30, 3), np.uint8), np.random.default_rng(0)).shape
    (16, 16, 3)
    """

    prefix: ClassVar[str] = "crop"
    uniforms: ClassVar[int] = 4

    size: int | None = number(None, "side of the result, pixels", minimum=1, from_recipe=True)
    shorter_edge: tuple[int, int] = number(
        (256, 480),
        "resize to a random shorter edge, pixels, then a random crop",
        minimum=1,
        rising=True,
        flat="shorter_edge",
    )
    interpolation: str = number("bicubic", "resampling of the crop", choices=INTERPOLATIONS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None and self.shorter_edge[0] < self.size:
            raise ValueError(
                f"`shorter_edge` must be at least `size` ({self.size}), which is cut out of it. "
                f"Received: shorter_edge={self.shorter_edge}"
            )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """`edge`, int32 [n], `place`, floating point [n, 2], and `cubic`, bool [n]."""
        low, high = self.shorter_edge
        return {
            "edge": low + below(ops, uniform[:, 0], high - low + 1),
            "place": uniform[:, 1:3],
            "cubic": cubic(ops, uniform[:, 3], self.interpolation),
        }

    def box(self, height: int, width: int, drawn: Row) -> tuple[int, int, int, int]:
        """The part of an image that the square shows; a decoder that can crop needs no more.

        Args:
            height: Height of the image.
            width: Width of the image.
            drawn: One row of what `draw` returned.

        Returns:
            Top, left, height and width.

        >>> crop = ScaleJitterCrop(size=10, shorter_edge=(20, 20), interpolation="bilinear")
        >>> crop.box(40, 80, {"edge": 20, "place": np.array([0.0, 0.5]), "cubic": False})
        (0, 29, 21, 22)
        """
        check_sized(self)
        resized, first = self._placed((height, width), drawn)
        (top, bottom), (left, right) = (
            kernels.resize.span(*lengths, bool(drawn["cubic"]), begin, self.size)
            for lengths, begin in zip(
                ((height, resized[0]), (width, resized[1])), first, strict=True
            )
        )
        return top, left, bottom - top, right - left

    def cut(
        self, pixels: np.ndarray, corner: tuple[int, int], shape: tuple[int, int], drawn: Row
    ) -> np.ndarray:
        """Resizes the part to the square; see `Crop.cut`."""
        resized, first = self._placed(shape, drawn)
        top, left = self.box(*shape, drawn)[:2]
        # The whole image, in the coordinates of the part: it may begin before it.
        whole = (corner[0] - top, corner[1] - left, *shape)
        return kernels.resize.resize(
            pixels, whole, resized, bool(drawn["cubic"]), (*first, self.size, self.size)
        )

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Says to which length the shorter edge is resized.

        >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 20))
        >>> crop.describe({"edge": 20}, 40, 30)
        'shorter edge 20'
        """
        return f"shorter edge {int(drawn['edge'])}"

    def _placed(
        self, shape: tuple[int, int], drawn: Row
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Height and width after resizing, and where the square is in them."""
        edge, short = int(drawn["edge"]), min(shape)
        resized = edge * shape[0] // short, edge * shape[1] // short
        first = tuple(
            int(part * (length - self.size + 1))
            for part, length in zip(drawn["place"], resized, strict=True)
        )
        return resized, first
