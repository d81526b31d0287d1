"""Layers that crop and resize each image of a batch to a square."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnet_recipes import augment
from keras_resnet_recipes.layers.boxes import first_of
from keras_resnet_recipes.layers.image_layer import ByteLayer, as_bytes
from keras_resnet_recipes.layers.resize import resize, weights


class CropLayer(ByteLayer):
    """Base class of random crops to a square; at inference the crop is central.

    Subclasses implement `change`.

    Args:
        augmentation: A value of `krr.augment` with `size` and `interpolation`.
        shorter_edge: Length in pixels to which the shorter edge is resized at inference.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.
    """

    def __init__(
        self, augmentation: Any, shorter_edge: int, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(augmentation, seed, **kwargs)
        self.shorter_edge = shorter_edge

    def prepare(self, images: Any, ops: Any) -> Any:
        """Returns the central crop of each image."""
        n, height, width, _ = ops.shape(images)
        size = ops.convert_to_tensor([[height, width]], "int32")
        resized = self.shorter_edge * size // ops.numpy.min(size)
        room = resized - self.augmentation.size
        # Half of it, rounded half to even.
        corner = room // 2 + room % 2 * (room // 2 % 2)
        cubic = self.augmentation.interpolation != "bilinear"
        rows = ops.numpy.zeros((n, 1), dtype="int32")
        squares = self.square(
            as_bytes(images, ops),
            rows + ops.numpy.concatenate([0 * size, size], axis=1),
            rows + resized,
            rows + corner,
            (rows[:, 0] == 0) & cubic,
            ops,
        )
        return ops.cast(squares, images.dtype)

    def square(self, images: Any, box: Any, resized: Any, corner: Any, cubic: Any, ops: Any) -> Any:
        """Resizes a box of each image and crops it to a square.

        Args:
            images: int32 [n, height, width, channels], 0..255.
            box: Top, left, height and width of the box, int32 [n, 4].
            resized: Height and width of the box after resizing, int32 [n, 2].
            corner: Top and left of the square in the resized box, int32 [n, 2].
            cubic: Whether to interpolate bicubically, bool [n].
            ops: Namespace of the Keras backend of the tensors.

        Returns:
            int32 [n, size, size, channels].
        """
        rows, columns = (
            weights(
                ops,
                pixels,
                self.augmentation.size,
                start=box[:, axis],
                count=box[:, axis + 2],
                length=resized[:, axis],
                first=corner[:, axis],
                cubic=cubic,
            )
            for axis, pixels in enumerate(ops.shape(images)[1:3])
        )
        return resize(ops, images, rows, columns)

    def output_size(self, height: int | None, width: int | None) -> tuple[int, int]:
        """Returns the height and width of the output images."""
        return self.augmentation.size, self.augmentation.size


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class RandomResizedCrop(CropLayer):
    """Crops a random part of each image and resizes it to a square.

    The layer of `krr.augment.RandomResizedCrop`, for batches of images of one size; up to 0.3 % of its
    bytes differ from those of the value by one level.

    At inference the shorter edge is resized to `size` and the image is cropped centrally, as by
    `krr.augment.CenterCrop(size, crop_ratio=1.0)`, bicubically unless `interpolation` is "bilinear".

    See `call` for inputs and outputs; floating point images must be 0..255 and are rounded to bytes.

    Args:
        size: Height and width of the output in pixels, at least 1.
        scale: Smallest and largest area as fractions of the image, within (0, 1].
        aspect: Smallest and largest ratio of width to height, greater than 0.
        interpolation: "bilinear", "bicubic", or "random" for one of the two with equal probability.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import RandomResizedCrop
        >>> tuple(RandomResizedCrop(size=16)(np.zeros((8, 40, 30, 3), "uint8")).shape)
        (8, 16, 16, 3)

    References:
        Szegedy et al., "Going deeper with convolutions", section 6; timm `data/transforms.py`,
        RandomResizedCropAndInterpolation.
    """

    def __init__(
        self,
        size: int,
        scale: Sequence[float] = (0.08, 1.0),
        aspect: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = "random",
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.RandomResizedCrop(size, scale, aspect, interpolation)
        super().__init__(value, value.size, seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns a resized crop of each image."""
        box = crop_boxes(ops, ops.shape(images)[1:3], drawn, self.augmentation.aspect)
        corner = 0 * box[:, :2]
        resized = corner + self.augmentation.size
        return self.square(images, box, resized, corner, drawn["cubic"], ops)


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class ScaleJitterCrop(CropLayer):
    """Resizes the shorter edge of each image to a random length, then takes a random square crop.

    The layer of `krr.augment.ScaleJitterCrop`, for batches of images of one size; up to 0.3 % of its
    bytes differ from those of the value by one level.

    At inference the shorter edge is resized to the smallest length and the image is cropped centrally,
    bicubically unless `interpolation` is "bilinear".

    See `call` for inputs and outputs; floating point images must be 0..255 and are rounded to bytes.

    Args:
        size: Height and width of the output in pixels, at least 1.
        shorter_edge: Smallest and largest length in pixels, integers of at least `size`.
        interpolation: "bilinear", "bicubic", or "random" for one of the two with equal probability.
        seed: Integer seed of the draws; None takes one from `keras.utils.set_random_seed`.
        **kwargs: `name`, `dtype` and the other arguments of every Keras layer.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.layers import ScaleJitterCrop
        >>> layer = ScaleJitterCrop(size=16, shorter_edge=(20, 30))
        >>> tuple(layer(np.zeros((8, 40, 30, 3), "uint8")).shape)
        (8, 16, 16, 3)

    References:
        He et al. (arXiv:1512.03385), section 3.4, after Simonyan and Zisserman (arXiv:1409.1556),
        section 3.1; fb.resnet.torch `datasets/transforms.lua`, RandomScale.
    """

    def __init__(
        self,
        size: int,
        shorter_edge: Sequence[int] = (256, 480),
        interpolation: str = "bicubic",
        *,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        value = augment.ScaleJitterCrop(size, shorter_edge, interpolation)
        super().__init__(value, value.shorter_edge[0], seed, **kwargs)

    def change(self, images: Any, drawn: dict[str, Any], ops: Any) -> Any:
        """Returns a square crop of each resized image."""
        size = ops.convert_to_tensor(ops.shape(images)[1:3], "int32")
        resized, corner = placed_squares(ops, size, drawn, self.augmentation.size)
        box = ops.numpy.concatenate([0 * corner, 0 * corner + size], axis=1)
        return self.square(images, box, resized, corner, drawn["cubic"], ops)


def crop_boxes(ops: Any, size: Any, drawn: dict[str, Any], aspect: tuple[float, float]) -> Any:
    """Returns the boxes to crop.

    A box is the first of ten candidates that fits, or else the largest central box with a legal
    aspect ratio.

    Args:
        ops: Namespace of a Keras backend.
        size: Height and width of the images, integers [2] or [n, 2].
        drawn: The augmentation parameters returned by `RandomResizedCrop.drawn`.
        aspect: Smallest and largest ratio of width to height.

    Returns:
        Top, left, height and width, int32 [n, 4].

    References:
        timm `data/transforms.py`, RandomResizedCropAndInterpolation.
    """
    kind = drawn["area"].dtype
    size = ops.cast(ops.convert_to_tensor(size, "int32"), kind)
    height, width = size[..., 0:1], size[..., 1:2]
    area = drawn["area"] * (width * height)
    widths = ops.numpy.round(ops.numpy.sqrt(area * drawn["aspect"]))
    heights = ops.numpy.round(ops.numpy.sqrt(area / drawn["aspect"]))
    fits = (widths <= width) & (heights <= height) & (widths >= 1) & (heights >= 1)
    part, found = first_of(ops, fits, heights, widths)
    fallback = [
        ops.numpy.minimum(height, ops.numpy.maximum(ops.numpy.round(width / aspect[0]), 1)),
        ops.numpy.minimum(width, ops.numpy.maximum(ops.numpy.round(height * aspect[1]), 1)),
    ]
    part = ops.numpy.where(found, part, ops.numpy.concatenate(fallback, axis=-1))
    room = size - part
    corner = ops.numpy.where(found, drawn["position"] * (room + 1), room / 2)
    return ops.cast(ops.numpy.concatenate([ops.numpy.floor(corner), part], axis=1), "int32")


def placed_squares(ops: Any, size: Any, drawn: dict[str, Any], square: int) -> tuple[Any, Any]:
    """Returns the sizes to which images are resized, and the positions of the squares in them.

    Args:
        ops: Namespace of a Keras backend.
        size: Height and width of the images, integers [2] or [n, 2].
        drawn: The augmentation parameters returned by `ScaleJitterCrop.drawn`.
        square: Height and width of the square.

    Returns:
        Height and width after resizing, int32 [n, 2]; top and left of the square, int32 [n, 2].
    """
    size = ops.convert_to_tensor(size, "int32")
    shorter = ops.numpy.minimum(size[..., 0:1], size[..., 1:2])
    # The longer edge is truncated to an integer.
    resized = drawn["edge"][:, None] * size // shorter
    positions = ops.cast(resized - square + 1, drawn["position"].dtype)
    return resized, ops.cast(ops.numpy.floor(drawn["position"] * positions), "int32")
