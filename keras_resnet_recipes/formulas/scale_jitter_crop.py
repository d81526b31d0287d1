"""Parameters of `ScaleJitterCrop`, and the square that they mean."""

from typing import Any

from keras_resnet_recipes.formulas.variates import below, cubic

UNIFORMS = 4
"""Uniform variates per image."""


def drawn(
    ops: Any, uniform: Any, *, shorter_edge: tuple[int, int], interpolation: str
) -> dict[str, Any]:
    """Makes the parameters of n images.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        uniform: Variates in [0, 1), floating point [n, `UNIFORMS`].
        shorter_edge: Smallest and largest length in pixels.
        interpolation: "bilinear", "bicubic" or "random".

    Returns:
        `edge`, int32 [n]: length of the shorter edge; `place`, of the type of `uniform`, [n, 2]: top
        and left as fractions of the positions there are; `cubic`, bool [n].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> uniform = np.array([[0.0, 0.1, 0.2, 0.3], [0.999, 0.1, 0.2, 0.7]])
        >>> rows = drawn(NUMPY, uniform, shorter_edge=(256, 480), interpolation="random")
        >>> rows["edge"].tolist(), rows["cubic"].tolist()
        ([256, 480], [True, False])
    """
    low, high = shorter_edge
    return {
        "edge": low + below(ops, uniform[:, 0], high - low + 1),
        "place": uniform[:, 1:3],
        "cubic": cubic(ops, uniform[:, 3], interpolation),
    }


def placed(ops: Any, size: Any, drawn: dict[str, Any], square: int) -> tuple[Any, Any]:
    """The sizes that images are resized to, and where the squares are in them.

    Args:
        ops: Namespace of a Keras backend, or `formulas.NUMPY`.
        size: Height and width of the images, whole numbers [2] or [n, 2].
        drawn: What `drawn` returns.
        square: Height and width of the square.

    Returns:
        Height and width after resizing, int32 [n, 2]; top and left of the square, int32 [n, 2].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.formulas import NUMPY
        >>> rows = {"edge": np.array([20]), "place": np.array([[0.0, 0.5]])}
        >>> [x.tolist() for x in placed(NUMPY, (40, 80), rows, 10)]
        [[[20, 40]], [[0, 15]]]
    """
    size = ops.convert_to_tensor(size, "int32")
    shorter = ops.numpy.minimum(size[..., 0:1], size[..., 1:2])
    # The longer edge is cut to a whole number.
    resized = drawn["edge"][:, None] * size // shorter
    positions = ops.cast(resized - square + 1, drawn["place"].dtype)
    return resized, ops.cast(ops.numpy.floor(drawn["place"] * positions), "int32")
