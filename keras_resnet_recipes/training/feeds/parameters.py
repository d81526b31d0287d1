"""Augmentation parameters per sample: image index, crop offset, flip and cutout position as int32.

They are drawn on the host, the same on every backend, and are all that is sent to the device in a
step: 12 KB for 512 images.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

from keras_resnet_recipes.augment import Cutout, PadAndCrop, RandomFlip
from keras_resnet_recipes.augment.backend import NUMPY
from keras_resnet_recipes.augment.pad_and_crop import moved_text
from keras_resnet_recipes.input_pipeline.order import balanced_order
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.backend import running_backend
from keras_resnet_recipes.recipe import BaseRecipe

# An epoch that no run has: the key of draws that hold for all epochs.
_PER_IMAGE = 1 << 32


def drawn_parameters(
    recipe: BaseRecipe,
    shape: tuple[int, ...],
    labels: np.ndarray | None = None,
    *,
    count: int,
    seed: int,
    epoch: int,
) -> np.ndarray:
    """Draws the parameters of an epoch; row i depends on (seed, epoch, i) alone.

    An image that is flipped in every second epoch is drawn once, by its index.

    Args:
        recipe: The recipe.
        shape: Number, height and width of the images; each is drawn once before any is drawn again, unless
            `balanced_sampling` draws the classes.
        labels: Labels of the images [n], for `balanced_sampling`.
        count: Samples per epoch.
        seed: Seed of the run.
        epoch: Epoch, from 0.

    Returns:
        int32 [count, 6]: index of the image; top and left of the crop in the padded image; 1 for
        flipped; top and left of the cutout. 0 where nothing is drawn.

    Example:
        >>> from keras_resnet_recipes.recipe import BaseRecipe
        >>> recipe = BaseRecipe(augmentation=[RandomFlip()])
        >>> drawn = drawn_parameters(recipe, (5, 8, 8), count=10, seed=0, epoch=3)
        >>> sorted(drawn[:5, 0].tolist()), drawn[:, [1, 2, 4, 5]].any(), drawn[:, 3].max()
        ([0, 1, 2, 3, 4], np.False_, np.int32(1))
    """
    images, height, width, *_ = shape
    pad, flip = recipe.augmentation_of(PadAndCrop), recipe.augmentation_of(RandomFlip)
    cutout = recipe.augmentation_of(Cutout)
    crops = 2 * pad.padding + 1 if pad else 1
    squares = [length - (cutout.size if cutout else length) + 1 for length in (height, width)]
    ends = (crops, crops, 1, *squares)
    if recipe.balanced_sampling:
        columns = [balanced_order(labels, count, seed, epoch)]
    else:
        columns = [_random(seed, epoch, 0).permutation(images)[np.arange(count) % images]]
    for number, end in enumerate(ends, start=1):
        columns.append(_random(seed, epoch, number).randint(end, size=count, dtype=np.int64))
    if flip and flip.per_image:
        drawn = flip.drawn(NUMPY, _random(seed, _PER_IMAGE).random_sample((images, 1)))
        columns[3] = flip.in_epoch(drawn, epoch)["flip"][columns[0]]
    elif flip:
        uniform = _random(seed, epoch, 3).random_sample((count, 1))
        columns[3] = flip.drawn(NUMPY, uniform)["flip"]
    return np.stack(columns, axis=1).astype(np.int32)


def _random(*numbers: int) -> np.random.RandomState:
    # NumPy guarantees the stream of this generator across versions, not that of newer ones.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(numbers)))


def augmented(recipe: BaseRecipe, parameters: Any, images: Any) -> Any:
    """Returns the augmented images of a batch.

    Args:
        recipe: The recipe that the parameters were drawn for.
        parameters: int32 [n, 6], from `drawn_parameters`.
        images: uint8 [images, height, width, 3], the data set.

    Returns:
        [n, height, width, 3], 0 to 255: uint8, or float32 where a fill color is used.
    """
    *_, (_, made) = after_each(recipe, parameters, images)
    return made


def after_each(recipe: BaseRecipe, parameters: Any, images: Any) -> Iterator[tuple[str, Any]]:
    """Yields the batch before and after each augmentation; arguments as for `augmented`.

    Yields:
        The name of the augmentation in `krr.augment`, empty for the images themselves, and the images after
        it, as `augmented` returns them.
    """
    backend = running_backend()
    made = ops.take(images, parameters[:, 0], axis=0)
    if any(getattr(step, "fill", None) is not None for step in recipe.augmentation):
        # uint8 would round the fill color, and the mean color must be 0 once normalized.
        made = ops.cast(made, "float32")
    yield "", made
    for step in recipe.augmentation:
        if isinstance(step, PadAndCrop):
            made = boxes.padded_crop(backend, made, parameters[:, 1:3], step.padding, step.fill)
        elif isinstance(step, RandomFlip):
            made = ops.where(parameters[:, 3, None, None, None] == 1, ops.flip(made, axis=2), made)
        else:
            corner = parameters[:, 4:6]
            square = ops.concatenate([corner, corner + step.size], axis=1)
            made = boxes.fill(backend, made, square, step.fill)
        yield type(step).__name__, made


def described(recipe: BaseRecipe, step: str, drawn: np.ndarray) -> str:
    """Returns the text for a reader of an augmentation's parameters.

    Args:
        recipe: The recipe.
        step: Name of the augmentation, as `after_each` yields it.
        drawn: A row of `drawn_parameters`.

    Example:
        >>> recipe = BaseRecipe(augmentation=[PadAndCrop(4)])
        >>> described(recipe, "PadAndCrop", np.array([7, 4, 6, 0, 0, 0]))
        '2 left'
    """
    if step == "PadAndCrop":
        padding = recipe.augmentation_of(PadAndCrop).padding
        return moved_text(padding - int(drawn[1]), padding - int(drawn[2]))
    if step == "RandomFlip":
        return "mirrored" if drawn[3] else ""
    return f"at row {drawn[4]}, column {drawn[5]}" if step == "Cutout" else ""


def targets(recipe: BaseRecipe, labels: Any, label_smoothing: float = 0.0) -> Any:
    """Returns labels as rows of probabilities, as `augment.one_hot` makes them.

    Args:
        recipe: The recipe, its `classes` known.
        labels: Integers [n], or multi-hot rows [n, classes or fewer].
        label_smoothing: s, from 0 to 1: right classes get 1 - s + s / classes, all others s / classes.

    Returns:
        float32 [n, classes].
    """
    off = label_smoothing / recipe.classes
    if len(labels.shape) == 2:
        right = ops.pad(labels > 0, ((0, 0), (0, recipe.classes - labels.shape[1])))
    else:
        right = ops.one_hot(labels, recipe.classes, dtype="bool")
    return ops.cast(ops.where(right, 1.0 - label_smoothing + off, off), "float32")
