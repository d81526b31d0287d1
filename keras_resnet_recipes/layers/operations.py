"""One of several operations on each image of a batch, computed in three steps that all images take.

In a batch an operation costs the same whether one image or all have it: tables, a blend, a move. What an
image does not have leaves it as it is.
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
    """Does to each image the operation chosen for it.

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        chosen: By the name of the operation, which images it is done to, bool [n].
        argument: What the operation is called with, float32 [n].
        pixels: By how many pixels a translation by 1 moves to the left, and up.
        fill: Colour of what moves into view.
        cubic: Whether to interpolate bicubically, bool [n]; None is bilinear for all.
        nearest: Do not interpolate.

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
    # Two neighbours instead of four, each way, take a quarter of the time.
    linear = [which & ~cubic for which in moving.values()]
    smooth = [which & cubic for which in moving.values()]
    images = where_any(ops, linear, images, moved)
    return where_any(ops, smooth, images, lambda x: moved(x, cubic))


def where_any(ops: Any, chosen: Iterable[Any], images: Any, change: Callable[[Any], Any]) -> Any:
    """Changes images, but does not compute it for a single image that it is not chosen for.

    In a batch nearly always one image has it.

    Args:
        ops: Namespace of a Keras backend.
        chosen: Which images are changed, each bool [n].
        images: int32 [n, height, width, 3].
        change: The change, which leaves other images as they are.

    Returns:
        The same shape and type.
    """
    needed = functools.reduce(operator.or_, chosen)
    if needed.shape[0] != 1:
        return change(images)
    return ops.cond(needed[0], lambda: change(images), lambda: images)


def blended(ops: Any, images: Any, chosen: dict[str, Any], argument: Any) -> Any:
    """Changes the saturation of the images chosen for "color", the sharpness of those for "sharpness".

    Args:
        ops: Namespace of a Keras backend.
        images: int32 [n, height, width, 3], 0..255.
        chosen: As for `operate`.
        argument: The factors, float32 [n].

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
    """Pillow's SMOOTH filter: the centre weighs 5, each of its neighbours 1; the edge stays."""
    _, height, width, _ = ops.shape(images)
    padded = ops.numpy.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="constant")
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    around = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]
    # Rounded half up; the sum of weights is odd, so that there are no ties.
    smooth = (2 * (around + 4 * images) + 13) // 26
    row = ops.numpy.arange(height, dtype="int32")[:, None, None]
    column = ops.numpy.arange(width, dtype="int32")[None, :, None]
    inner = (row > 0) & (row < height - 1) & (column > 0) & (column < width - 1)
    return ops.numpy.where(inner, smooth, images)
