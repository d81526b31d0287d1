"""Scale augmentation of 2014 and 2015: resize the image to a random size, then crop a square."""

from typing import Any, ClassVar

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import Crop, Row
from keras_resnet_recipes.augment.crop import INTERPOLATIONS, check_sized
from keras_resnet_recipes.augment.variates import below, cubic
from keras_resnet_recipes.number import number


class ScaleJitterCrop(Crop):
    """Resizes the shorter edge of an image to a random length, then takes a random square crop.

    The aspect ratio is preserved, unlike with `RandomResizedCrop`. Only the pixels that the square
    needs are resized, and decoded if the decoder can crop, with the same bytes as resizing the whole
    image. The longer edge is truncated to an integer.

    Args:
        size: Height and width of the output in pixels, at least 1; set by a recipe to its `train_size`.
        shorter_edge: Smallest and largest length in pixels, integers of at least `size`; all lengths
            from smallest to largest are equally likely.
        interpolation: "bilinear", "bicubic", or "random" for one of the two with equal probability. The
            paper names none; fb.resnet.torch uses bicubic.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
        >>> crop(np.zeros((40, 30, 3), np.uint8), np.random.default_rng(0)).shape
        (16, 16, 3)

    References:
        He et al. (arXiv:1512.03385), section 3.4, after Simonyan and Zisserman (arXiv:1409.1556),
        section 3.1; fb.resnet.torch `datasets/transforms.lua`, RandomScale.
    """

    prefix: ClassVar[str] = "crop"
    uniforms: ClassVar[int] = 4

    size: int | None = number(
        None, "height and width of the output, pixels", minimum=1, from_recipe=True
    )
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
                f"`shorter_edge` must be at least `size` ({self.size}), the side of the crop. "
                f"Received: shorter_edge={self.shorter_edge!r}"
            )

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `edge`, int32 [n], `position`, floating point [n, 2], and `cubic`, bool [n]."""
        low, high = self.shorter_edge
        return {
            "edge": low + below(ops, uniform[:, 0], high - low + 1),
            "position": uniform[:, 1:3],
            "cubic": cubic(ops, uniform[:, 3], self.interpolation),
        }

    def box(self, height: int, width: int, drawn: Row) -> tuple[int, int, int, int]:
        """Returns the box that the square depends on; only its pixels need to be decoded.

        Args:
            height: Height of the image.
            width: Width of the image.
            drawn: The parameters of the image, one row of the arrays returned by `draw`.

        Returns:
            Top, left, height and width.

        Example:
            >>> crop = ScaleJitterCrop(size=10, shorter_edge=(20, 20), interpolation="bilinear")
            >>> crop.box(40, 80, {"edge": 20, "position": np.array([0.0, 0.5]), "cubic": False})
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
        """Resizes the box to the square; see `Crop.cut`."""
        resized, first = self._placed(shape, drawn)
        top, left = self.box(*shape, drawn)[:2]
        # The whole image in the coordinates of `pixels`, where it may begin at negative positions.
        whole = (corner[0] - top, corner[1] - left, *shape)
        return kernels.resize.resize(
            pixels, whole, resized, bool(drawn["cubic"]), (*first, self.size, self.size)
        )

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the length to which the shorter edge is resized.

        Example:
            >>> crop = ScaleJitterCrop(size=16, shorter_edge=(20, 20))
            >>> crop.describe({"edge": 20}, 40, 30)
            'shorter edge 20'
        """
        return f"shorter edge {int(drawn['edge'])}"

    def _placed(
        self, shape: tuple[int, int], drawn: Row
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns height and width after resizing, and top and left of the square in them."""
        edge, short = int(drawn["edge"]), min(shape)
        resized = edge * shape[0] // short, edge * shape[1] // short
        first = tuple(
            int(part * (length - self.size + 1))
            for part, length in zip(drawn["position"], resized, strict=True)
        )
        return resized, first
