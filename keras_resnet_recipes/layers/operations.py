"""One of several operations on each image of a batch, computed in three steps common to all images.

The steps are table look-up, blend and affine transform. In a batch a step costs the same whether it is
needed by one image or by all; it leaves the other images unchanged.
"""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any

from keras_resnet_recipes.layers.affine import MOVES, move
from keras_resnet_recipes.layers.tables import TABLES, blend, gray, look_up

BLENDS = ("color", "sharpness")


def operate(
    ops: Any,
    images: Any,
    chosen: dict[str, Any],
    argument: Any,
    *,
    pixels: tuple[Any, Any],
    fill: tuple[int, int, int],
    cubic: Any = None,
    nearest: bool = False,
) -> Any:
    """Applies to each image the operation chosen for it.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        chosen: For each operation by name, the images that it is applied to, bool [n].
        argument: Argument of the operation, float32 [n].
        pixels: Pixels by which a translation of 1 moves an image to the left, and up.
        fill: Color of pixels from outside the image.
        cubic: Whether to interpolate bicubically, bool [n]; None means bilinear for all images.
        nearest: Whether to take the nearest pixel instead of interpolating.

    Returns:
        int32 [n, height, width, 3].
    """
    tables, blends, moving = (
        {name: which for name, which in chosen.items() if name in names}
        for names in (TABLES, BLENDS, MOVES)
    )
    images = where_any(ops, tables.values(), images, lambda x: look_up(ops, x, tables, argument))
    images = where_any(ops, blends.values(), images, lambda x: blended(ops, x, blends, argument))
    none = ops.numpy.zeros_like(argument)
    moves = {name: ops.numpy.where(which, argument, none) for name, which in moving.items()}
    for name, length in zip(("translate_x", "translate_y"), pixels, strict=True):
        moves[name] = moves[name] * ops.cast(length, "float32")

    def moved(images: Any, cubic: Any = None) -> Any:
        return move(ops, images, moves, fill=fill, cubic=cubic, nearest=nearest)

    if cubic is None:
        return where_any(ops, moving.values(), images, moved)
    if cubic.shape[0] != 1:
        return moved(images, cubic)
    # Separately: two neighbors per axis instead of four take a quarter of the time.
    linear = [which & ~cubic for which in moving.values()]
    smooth = [which & cubic for which in moving.values()]
    images = where_any(ops, linear, images, moved)
    return where_any(ops, smooth, images, lambda x: moved(x, cubic))


def where_any(ops: Any, chosen: Iterable[Any], images: Any, change: Callable[[Any], Any]) -> Any:
    """Applies a change to images, skipping the computation for a single image that is not chosen.

    In a batch nearly always some image is chosen.

    Args:
        ops: Namespace of a Keras backend.
        chosen: Masks of the images to change, each bool [n].
        images: int32 [n, height, width, 3].
        change: The change, which leaves all other images unchanged.

    Returns:
        Images of the same shape and dtype.
    """
    needed = functools.reduce(operator.or_, chosen)
    if needed.shape[0] != 1:
        return change(images)
    return ops.cond(needed[0], lambda: change(images), lambda: images)


def blended(ops: Any, images: Any, chosen: dict[str, Any], argument: Any) -> Any:
    """Changes the saturation of images chosen for "color" and the sharpness of those for "sharpness".

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        chosen: As for `operate`.
        argument: Factors, float32 [n].

    Returns:
        int32 [n, height, width, 3].
    """
    degenerate = images
    if "color" in chosen:
        which = chosen["color"][:, None, None, None]
        degenerate = ops.numpy.where(which, gray(ops, images)[..., None], degenerate)
    if "sharpness" in chosen:
        which = chosen["sharpness"][:, None, None, None]
        degenerate = ops.numpy.where(which, _smooth(ops, images), degenerate)
    return blend(ops, degenerate, images, argument[:, None, None, None])


def _smooth(ops: Any, images: Any) -> Any:
    """Applies Pillow's SMOOTH filter: weights 5 (center) and 1 (neighbors); edge pixels stay."""
    _, height, width, _ = ops.shape(images)
    padded = ops.numpy.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="constant")
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    around = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    # Rounded half up; the sum of the weights is odd, so there are no ties.
    smooth = (2 * (around + 4 * images) + 13) // 26
    row = ops.numpy.arange(height, dtype="int32")[:, None, None]
    column = ops.numpy.arange(width, dtype="int32")[None, :, None]
    inner = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    return ops.numpy.where(inner, smooth, images)
