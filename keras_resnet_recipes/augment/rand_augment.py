"""RandAugment, as the recipes of timm understand it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keras_resnet_recipes.augment import lazy_tensorflow as tf
from keras_resnet_recipes.augment import operations as ops
from keras_resnet_recipes.augment.augmentation import (
    INTERPOLATIONS,
    Augmentation,
    draw_cubic,
    operation_text,
    split_seed,
)
from keras_resnet_recipes.augment.choice import choose
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
"""The order in which timm lists its "increasing" operations; a drawn number counts in it."""


class RandAugment(Augmentation):
    """A few random operations on the colours or the geometry of an image.

    Each of the `operations` rounds draws one of the fifteen operations, all equally likely and with
    replacement, skips it with probability 1 - `probability`, draws a level anew from a normal
    distribution limited to 0..10, and a sign. `rand-m7-mstd0.5-inc1` of timm is
    `RandAugment(magnitude=7.0, std=0.5)`.

    `keras.layers.RandAugment` differs: a strength in 0..1, other operations and ranges, and
    arithmetic that does not give Pillow's bytes.

    Args:
        magnitude: Mean level, 0..10.
        std: Standard deviation of the level, at least 0.
        operations: Number of rounds, at least 1.
        probability: Of doing the operation drawn, 0..1.
        interpolation: Of rotation, shear and translation: "bilinear", "bicubic", or "random" for
            a fair coin in each round.

    Raises:
        ValueError: If an argument is out of its range.

    Source: Cubuk et al., 'RandAugment' (arXiv 1909.13719); timm `data/auto_augment.py`.

    >>> image = tf.random.stateless_uniform([32, 48, 3], (1, 2), 0, 256, tf.int32)
    >>> RandAugment(magnitude=7.0, std=0.5)(tf.cast(image, tf.uint8), seed=(0, 1)).shape
    TensorShape([32, 48, 3])
    """

    magnitude: float = number(7.0, "RandAugment: mean level", minimum=0, maximum=10)
    std: float = number(0.5, "RandAugment: standard deviation of the level", minimum=0)
    operations: int = number(2, "RandAugment: operations drawn per image", minimum=1)
    probability: float = number(
        0.5, "RandAugment: probability of each drawn operation", minimum=0, maximum=1
    )
    interpolation: str = number(
        "random", "RandAugment: resampling of its geometry", choices=INTERPOLATIONS
    )

    def draw(self, n: int, seed: tf.Tensor | Sequence[int]) -> dict[str, tf.Tensor]:
        """Draw the parameters for `n` images.

        Args:
            n: Number of images.
            seed: Two whole numbers, int32 or int64 [2].

        Returns:
            `operation`, int32 [n, operations]: place in `OPERATIONS`, its length for none;
            `argument`, float64 [n, operations]: what the operation is called with;
            `cubic`, bool [n, operations]: bicubic interpolation.

        >>> sorted(RandAugment().draw(256, seed=(0, 1)))
        ['argument', 'cubic', 'operation']
        """
        shape = [n, self.operations]
        which, whether, level, sign, cubic = split_seed(seed, 5)
        operation = tf.random.stateless_uniform(shape, which, 0, len(OPERATIONS), tf.int32)
        applied = tf.random.stateless_uniform(shape, whether) < self.probability
        levels = self.magnitude + self.std * tf.random.stateless_normal(
            shape, level, dtype=tf.float64
        )
        signs = tf.where(tf.random.stateless_uniform(shape, sign) < 0.5, 1.0, -1.0)
        argument = level_argument(operation, tf.clip_by_value(levels, 0.0, 10.0), signs)
        return {
            "operation": tf.where(applied, operation, len(OPERATIONS)),
            "argument": argument,
            "cubic": draw_cubic(self.interpolation, shape, cubic),
        }

    def apply(self, image: tf.Tensor, drawn: dict[str, tf.Tensor]) -> tf.Tensor:
        """Do the drawn operations in turn; only they are computed.

        Args:
            image: uint8 [height, width, 3], RGB, of any size.
            drawn: One row of what `draw` returned.

        Returns:
            uint8 [height, width, 3].

        >>> augment, image = RandAugment(), tf.zeros([8, 8, 3], tf.uint8)
        >>> rows = augment.draw(256, seed=(0, 1))
        >>> augment.apply(image, {name: row[5] for name, row in rows.items()}).shape
        TensorShape([8, 8, 3])
        """
        operate = _operate
        if not tf.executing_eagerly():
            # A function of this call alone: a shared one would take a trace for images of unknown
            # size, if it has one, for those of a known size too.
            operate = tf.function(_operate, autograph=False)
        for turn in range(self.operations):
            image = operate(
                image, drawn["operation"][turn], drawn["argument"][turn], drawn["cubic"][turn]
            )
        return image

    def describe(self, drawn: dict[str, tf.Tensor], height: int, width: int) -> str:
        """The operations, each with what it is called with; `level_argument` has the units.

        >>> drawn = {"operation": tf.constant([3, 15]), "argument": tf.constant([-21.0, 0.0])}
        >>> RandAugment().describe(drawn, 8, 8)
        'rotate -21'
        """
        pairs = zip(drawn["operation"].numpy(), drawn["argument"], strict=True)
        return "\n".join(
            operation_text(OPERATIONS[place], argument)
            for place, argument in pairs
            if place < len(OPERATIONS)
        )


def level_argument(operation: tf.Tensor, level: tf.Tensor, sign: tf.Tensor) -> tf.Tensor:
    """What timm calls an operation with at a given level.

    Args:
        operation: Place in `OPERATIONS`, int32 [...].
        level: 0..10, float64 [...].
        sign: 1 or -1, [...]; ignored by operations that know no direction.

    Returns:
        float64 [...]: degrees, bits kept, threshold, addition, factor, shear, or fraction of the
        width or height; 0 for operations without an argument.

    Source: timm `data/auto_augment.py`, the "increasing" level functions.

    >>> level_argument(OPERATIONS.index("rotate"), 7.0, -1.0).numpy().item()
    -21.0
    """
    operation = tf.convert_to_tensor(operation)
    level = tf.convert_to_tensor(level, tf.float64)
    sign = tf.cast(sign, tf.float64)
    strength = level / 10
    factor = tf.maximum(1.0 + sign * (strength * 0.9), 0.1)
    shear = sign * strength * 0.3
    shift = sign * strength * 0.45
    none = tf.zeros_like(factor)
    arguments = {
        "rotate": sign * strength * 30.0,
        "posterize": 4.0 - tf.floor(strength * 4) + none,
        "solarize": 256.0 - tf.minimum(tf.floor(strength * 256), 256.0) + none,
        "solarize_add": tf.minimum(tf.floor(strength * 110), 128.0) + none,
        "color": factor,
        "contrast": factor,
        "brightness": factor,
        "sharpness": factor,
        "shear_x": shear,
        "shear_y": shear,
        "translate_x": shift,
        "translate_y": shift,
    }
    table = tf.stack([arguments.get(name, none) for name in OPERATIONS], axis=-1)
    return tf.gather(table, operation, axis=-1, batch_dims=operation.shape.rank)


def _operate(
    image: tf.Tensor, operation: tf.Tensor, argument: tf.Tensor, cubic: tf.Tensor
) -> tf.Tensor:
    return choose(_BRANCHES, operation, image, argument, cubic)


# In the order of `OPERATIONS`, then doing nothing.
_BRANCHES: list[Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]] = [
    lambda image, argument, cubic: ops.auto_contrast(image),
    lambda image, argument, cubic: ops.equalize(image),
    lambda image, argument, cubic: ops.invert(image),
    ops.rotate,
    lambda image, argument, cubic: ops.posterize(image, argument),
    lambda image, argument, cubic: ops.solarize(image, argument),
    lambda image, argument, cubic: ops.solarize_add(image, argument),
    lambda image, argument, cubic: ops.color(image, argument),
    lambda image, argument, cubic: ops.contrast(image, argument),
    lambda image, argument, cubic: ops.brightness(image, argument),
    lambda image, argument, cubic: ops.sharpness(image, argument),
    ops.shear_x,
    ops.shear_y,
    ops.translate_x,
    ops.translate_y,
    lambda image, argument, cubic: tf.identity(image),
]
