"""RandAugment, as in timm's recipes."""

import re
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import kernels
from keras_resnet_recipes.augment.augmentation import PackedAugmentation, Row, operation_text
from keras_resnet_recipes.augment.crop import INTERPOLATIONS
from keras_resnet_recipes.augment.variates import below, cubic, normal
from keras_resnet_recipes.number import number

OPERATIONS = (
    "auto_contrast",
    "equalize",
    "invert",
    "rotate",
    "posterize",
    "solarize",
    "solarize_add",
    "color",
    "contrast",
    "brightness",
    "sharpness",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
"""Operations in the order of timm's "increasing" list; a drawn operation is an index."""

UNIFORMS = 6
"""Uniform variates per image and drawn operation."""


def of_timm(policy: str) -> tuple["RandAugment | None", bool]:
    """Returns what a policy of timm's is here.

    Args:
        policy: Such as "rand-m7-mstd0.5-inc1".

    Returns:
        The value, or None if it is no RandAugment, and whether it is exactly the policy: only the operations whose
        strength increases with the magnitude, up to 10, are implemented here.

    Example:
        >>> of_timm("rand-m9-mstd0.5-inc1"), of_timm("rand-m9"), of_timm("augmix-m3")
        ((RandAugment(magnitude=9.0), True), (RandAugment(magnitude=9.0, std=0.0), False), (None, False))
    """
    kind, *sections = policy.split("-")
    if kind != "rand":
        return None, False
    values = {"m": 10.0, "mstd": 0.0, "mmax": 10.0, "n": 2.0, "p": 0.5, "inc": 0.0}
    matches = [re.fullmatch(r"(m|mstd|mmax|n|p|inc)(\d+(?:\.\d+)?)", one) for one in sections]
    values |= {match[1]: float(match[2]) for match in matches if match}
    within = values["m"] <= 10 and values["mstd"] <= 10
    exact = None not in matches and within and (values["inc"], values["mmax"]) == (1, 10)
    value = RandAugment(
        magnitude=min(values["m"], 10.0),
        std=min(values["mstd"], 10.0),
        operations=int(values["n"]),
        probability=values["p"],
    )
    return value, exact


class RandAugment(PackedAugmentation):
    """Applies a few random color and geometric operations to an image.

    Draws `operations` times one of fifteen operations, with replacement and equal probability. Each one
    is skipped with probability 1 - `probability`, and has its own sign and its own level, drawn from a
    normal distribution clipped to 0..10. timm's `rand-m7-mstd0.5-inc1` is
    `RandAugment(magnitude=7.0, std=0.5)`.

    `keras.layers.RandAugment` differs: a strength in 0..1, other operations and ranges, and
    arithmetic that does not give Pillow's bytes.

    Args:
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level, at least 0.
        operations: Number of operations drawn per image, at least 1.
        probability: Probability of applying a drawn operation, 0..1.
        interpolation: Interpolation of rotation, shear and translation: "bilinear", "bicubic", or
            "random" for one of the two with equal probability per operation.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
        >>> RandAugment(magnitude=7.0, std=0.5)(image, np.random.default_rng(1)).shape
        (32, 48, 3)

    References:
        Cubuk et al., "RandAugment" (arXiv:1909.13719); timm `data/auto_augment.py`.
    """

    magnitude: float = number(7.0, "RandAugment: mean level", minimum=0, maximum=10)
    std: float = number(0.5, "RandAugment: standard deviation of the level", minimum=0)
    operations: int = number(2, "RandAugment: operations drawn per image", minimum=1)
    probability: float = number(
        0.5, "RandAugment: probability of each drawn operation", minimum=0, maximum=1
    )
    interpolation: str = number(
        "random", "RandAugment: interpolation of geometric operations", choices=INTERPOLATIONS
    )

    @property
    def uniforms(self) -> int:
        """Uniform variates per image."""
        return UNIFORMS * self.operations

    def drawn(self, ops: Any, uniform: Any) -> dict[str, Any]:
        """Returns `operation`, int32, `argument`, floating point, and `cubic`, bool, all [n, operations].

        An operation is an index in `OPERATIONS`; the length of `OPERATIONS` means none.
        """
        uniform = ops.numpy.reshape(uniform, (-1, self.operations, UNIFORMS))
        operation = below(ops, uniform[..., 0], len(OPERATIONS))
        applied = uniform[..., 1] < self.probability
        level = self.magnitude + self.std * normal(ops, uniform[..., 2], uniform[..., 3])
        sign = ops.cast(uniform[..., 4] < 0.5, uniform.dtype) * 2.0 - 1.0
        none = ops.numpy.full_like(operation, len(OPERATIONS))
        return {
            "operation": ops.numpy.where(applied, operation, none),
            "argument": level_argument(ops, operation, ops.numpy.clip(level, 0.0, 10.0), sign),
            "cubic": cubic(ops, uniform[..., 5], self.interpolation),
        }

    def apply_packed(self, pixels: np.ndarray, drawn: Row) -> np.ndarray:
        """Applies the drawn operations to packed pixels in turn."""
        rounds = zip(drawn["operation"], drawn["argument"], drawn["cubic"], strict=True)
        for operation, argument, smooth in rounds:
            if operation < len(OPERATIONS):
                name = OPERATIONS[operation]
                pixels = kernels.by_name.apply(name, pixels, float(argument), bool(smooth))
        return pixels

    def describe(self, drawn: Row, height: int, width: int) -> str:
        """Describes the operations and their arguments.

        Example:
            >>> drawn = {"operation": [3, 15], "argument": [-21.0, 0.0]}
            >>> RandAugment().describe(drawn, 8, 8)
            'rotate -21'
        """
        pairs = zip(drawn["operation"], drawn["argument"], strict=True)
        return "\n".join(
            operation_text(OPERATIONS[operation], argument)
            for operation, argument in pairs
            if operation < len(OPERATIONS)
        )


def level_argument(ops: Any, operation: Any, level: Any, sign: Any) -> Any:
    """Returns the argument of an operation at a given level, as in timm.

    Args:
        ops: Namespace of a Keras backend.
        operation: Index in `OPERATIONS`, int32 [...].
        level: Level of 0..10, floating point [...].
        sign: 1 or -1, in the same dtype, [...]; unused by operations without direction.

    Returns:
        Degrees, bits kept, threshold, addition, factor, shear, or fraction of the width or height; 0 for
        operations without an argument; in the dtype of `level`, [...].

    Example:
        >>> import numpy as np
        >>> from keras_resnet_recipes.augment.backend import NUMPY
        >>> rotate = np.array(OPERATIONS.index("rotate"))
        >>> float(level_argument(NUMPY, rotate, np.array(7.0), np.array(-1.0)))
        -21.0

    References:
        timm `data/auto_augment.py`, the "increasing" level functions.
    """
    strength = level / 10.0
    factor = ops.numpy.maximum(1.0 + sign * (strength * 0.9), 0.1)
    shear = sign * strength * 0.3
    shift = sign * strength * 0.45
    arguments = {
        "rotate": sign * strength * 30.0,
        "posterize": 4.0 - ops.numpy.floor(strength * 4.0),
        "solarize": 256.0 - ops.numpy.minimum(ops.numpy.floor(strength * 256.0), 256.0),
        "solarize_add": ops.numpy.minimum(ops.numpy.floor(strength * 110.0), 128.0),
        "color": factor,
        "contrast": factor,
        "brightness": factor,
        "sharpness": factor,
        "shear_x": shear,
        "shear_y": shear,
        "translate_x": shift,
        "translate_y": shift,
    }
    argument = ops.numpy.zeros_like(level)
    for name, value in arguments.items():
        argument = ops.numpy.where(operation == OPERATIONS.index(name), value, argument)
    return argument
