"""Boxes in the images of a batch: drawing and filling them, and cropping padded images.

A box is int32 [top, left, bottom, right], the last two exclusive.
"""

from typing import Any

from keras_resnet_recipes.augment.pad_and_crop import check_padding


def inside(ops: Any, images: Any, boxes: Any) -> Any:
    """Returns a mask of the pixels inside a box.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels].
        boxes: int32 [n, 4], or [1, 4] for one box in all images.

    Returns:
        bool [n, height, width, 1] or [1, height, width, 1].
    """
    shape = ops.shape(images)
    rows = ops.numpy.arange(shape[1], dtype="int32")
    columns = ops.numpy.arange(shape[2], dtype="int32")
    in_rows = (rows >= boxes[:, 0:1]) & (rows < boxes[:, 2:3])
    in_columns = (columns >= boxes[:, 1:2]) & (columns < boxes[:, 3:4])
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


def fill(ops: Any, images: Any, boxes: Any, color: Any) -> Any:
    """Fills a box of each image.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels]; integers must be 0..255.
        boxes: int32 [n, 4]; an empty box changes nothing.
        color: A number, one per channel, or an image [n, height, width, channels], in the units of
            the images. For integer images it is rounded and clipped to 0..255.

    Returns:
        Images of the same shape and dtype.
    """
    return ops.numpy.where(inside(ops, images, boxes), _as_pixels(ops, color, images), images)


def square(ops: Any, images: Any, size: int, position: Any) -> Any:
    """Returns squares that lie entirely inside their images.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels].
        size: Height and width in pixels.
        position: Top and left as fractions 0..1 of the possible positions, floating point [n, 2].

    Returns:
        Boxes, int32 [n, 4].

    Raises:
        ValueError: If the image size is static and the square does not fit.
    """
    shape = ops.shape(images)[1:3]
    if any(isinstance(length, int) and length < size for length in shape):
        raise ValueError(
            f"`size` must be at most that of the image, {shape[0]} x {shape[1]}. Received: size={size!r}"
        )
    room = ops.cast(ops.convert_to_tensor(shape, "int32") - size + 1, position.dtype)
    corner = ops.cast(ops.numpy.floor(position * room), "int32")
    return ops.numpy.concatenate([corner, corner + size], axis=1)


def first_that_fits(ops: Any, images: Any, area: Any, aspect: Any, position: Any) -> Any:
    """Returns for each image the first of several candidate boxes that is smaller than the image.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels].
        area: Areas as fractions of the image, floating point [n, tries].
        aspect: Ratios of height to width, floating point [n, tries].
        position: Top and left as fractions 0..1 of the possible positions, floating point [n, 2].

    Returns:
        Boxes, int32 [n, 4]; the height is 0 where none fits.

    References:
        timm `data/random_erasing.py`; torchvision `transforms.RandomErasing`.
    """
    size = ops.cast(ops.convert_to_tensor(ops.shape(images)[1:3], "int32"), area.dtype)
    area = area * size[0] * size[1]
    heights = ops.numpy.round(ops.numpy.sqrt(area * aspect))
    widths = ops.numpy.round(ops.numpy.sqrt(area / aspect))
    part, _ = first_of(ops, (heights < size[0]) & (widths < size[1]), heights, widths)
    corner = ops.numpy.floor(position * (size - part + 1))
    return ops.cast(ops.numpy.concatenate([corner, corner + part], axis=1), "int32")


def first_of(ops: Any, fits: Any, heights: Any, widths: Any) -> tuple[Any, Any]:
    """Returns the first of several candidate sizes that fits.

    Args:
        ops: Namespace of a Keras backend.
        fits: Whether each candidate fits, bool [n, tries].
        heights: Floating point [n, tries].
        widths: Floating point [n, tries].

    Returns:
        Height and width, in the dtype of `heights`, [n, 2], 0 where none fits; and whether one fits,
        bool [n, 1].
    """
    fits = ops.cast(fits, "int32")
    # Not argmax: backends disagree on which of several equal values it returns.
    first = fits * ops.cast(ops.numpy.cumsum(fits, axis=1) == 1, "int32")
    chosen = ops.cast(first, heights.dtype)
    part = [ops.numpy.sum(lengths * chosen, axis=1) for lengths in (heights, widths)]
    return ops.numpy.stack(part, axis=1), ops.numpy.max(fits, axis=1)[:, None] > 0


def padded_crop(ops: Any, images: Any, corner: Any, padding: int, color: Any = None) -> Any:
    """Pads images and crops them to their original size.

    Args:
        ops: Namespace of a Keras backend.
        images: [n, height, width, channels].
        corner: Top and left of the crop in the padded image, int32 [n, 2], from 0 to 2 * padding.
        padding: Pixels added on each side.
        color: Color of the padding, a number or one per channel, in the units of the images; None
            pads by reflection, without repeating the edge.

    Returns:
        Images of the same shape and dtype.

    Raises:
        ValueError: If the image size is static and not larger than the padding.
    """
    n, height, width, channels = ops.shape(images)
    check_padding(padding, height, width)
    rows = corner[:, 0:1] + ops.numpy.arange(height, dtype="int32") - padding
    columns = corner[:, 1:2] + ops.numpy.arange(width, dtype="int32") - padding
    first = (ops.numpy.arange(n, dtype="int32") * height)[:, None]
    index = (first + _mirrored(ops, rows, height))[:, :, None] * width
    index = index + _mirrored(ops, columns, width)[:, None, :]
    crops = ops.numpy.take(ops.numpy.reshape(images, (-1, channels)), index, axis=0)
    if color is None:
        return crops
    in_rows, in_columns = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    known = (in_rows[:, :, None] & in_columns[:, None, :])[..., None]
    return ops.numpy.where(known, crops, _as_pixels(ops, color, images))


def _mirrored(ops: Any, positions: Any, length: Any) -> Any:
    return length - 1 - ops.numpy.abs(length - 1 - ops.numpy.abs(positions))


def _as_pixels(ops: Any, color: Any, images: Any) -> Any:
    color = ops.convert_to_tensor(color, "float32")
    if "int" in str(images.dtype):
        color = ops.numpy.clip(ops.numpy.round(color), 0.0, 255.0)
    return ops.cast(color, images.dtype)
