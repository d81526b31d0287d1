"""Parameters of `RandomResizedCrop`, and the box that they mean."""

from typing import Any

from keras_resnet_recipes.formulas.boxes import TRIES, first_of
from keras_resnet_recipes.formulas.variates import between, cubic, log_between

UNIFORMS = 2 * TRIES + 3
"""Uniform variates per image."""


def drawn(
    ops: Any,
    uniform: Any,
    *,
    scale: tuple[float, float],
    aspect: tuple[float, float],
    interpolation: str,
) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        scale: Smallest and largest area as fractions of the image.
        aspect: Smallest and largest ratio of width to height.
        interpolation: "bilinear", "bicubic" or "random".

    Returns:
        Of the type of `uniform`: `area`, [n, 10], fractions of the image; `aspect`, [n, 10], width
        to height; `place`, [n, 2], top and left as fractions of the positions there are; and `cubic`,
        bool [n].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> uniform = np.full((1, UNIFORMS), 0.5)
        >>> rows = drawn(NUMPY, uniform, scale=(0.25, 0.75), aspect=(0.5, 2), interpolation="random")
        >>> float(rows["area"][0, 0]), float(rows["aspect"][0, 0]), bool(rows["cubic"][0])
        (0.5, 1.0, False)
    """
    return {
        "area": between(uniform[:, :TRIES], *scale),
        "aspect": log_between(ops, uniform[:, TRIES : 2 * TRIES], *aspect),
        "place": uniform[:, 2 * TRIES : 2 * TRIES + 2],
        "cubic": cubic(ops, uniform[:, 2 * TRIES + 2], interpolation),
    }


def box(ops: Any, size: Any, drawn: dict[str, Any], aspect: tuple[float, float]) -> Any:
    """The parts of images that are cut out.

    The first of the ten tries that fits; after that the largest part in the middle with a legal
    aspect ratio.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        size: Height and width of the images, whole numbers [2] or [n, 2].
        drawn: What `drawn` returns.
        aspect: Smallest and largest ratio of width to height.

    Returns:
        Top, left, height and width, int32 [n, 4].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> uniform = np.full((1, UNIFORMS), 0.5)
        >>> rows = drawn(NUMPY, uniform, scale=(0.25, 0.25), aspect=(1, 1), interpolation="random")
        >>> box(NUMPY, (40, 40), rows, (1, 1)).tolist()
        [[10, 10, 20, 20]]

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
    corner = ops.numpy.where(found, drawn["place"] * (room + 1), room / 2)
    return ops.cast(ops.numpy.concatenate([ops.numpy.floor(corner), part], axis=1), "int32")
