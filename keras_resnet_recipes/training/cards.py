"""Cards: what is made of which image, as a few whole numbers for each picture of a step.

They are drawn on the host, the same on every backend, and are all that goes to the device in a
step: 12 KB for 512 pictures.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

from keras_resnet_recipes.augment import Cutout, PadAndCrop, RandomFlip
from keras_resnet_recipes.augment.pad_and_crop import moved_text
from keras_resnet_recipes.layers import boxes
from keras_resnet_recipes.layers.backend import running_backend
from keras_resnet_recipes.recipe import BaseRecipe


def drawn_cards(
    recipe: BaseRecipe, shape: tuple[int, ...], *, count: int, seed: int, epoch: int
) -> np.ndarray:
    """The cards of an epoch; row i depends on (seed, epoch, i) alone.

    Args:
        recipe: Says what is random.
        shape: Number, height and width of the images; every one comes once before any comes again.
        count: Pictures of the epoch.
        seed: Seed of the run.
        epoch: Epoch, from 0.

    Returns:
        int32 [count, 6]: index of the image; top and left of the crop out of the padded image; 1 for
        mirrored; top and left of the square that is painted over. 0 where nothing is drawn.

    >>> from keras_resnet_recipes.recipe import BaseRecipe
    >>> recipe = BaseRecipe(augmentation=[RandomFlip()])
    >>> cards = drawn_cards(recipe, (5, 8, 8), count=10, seed=0, epoch=3)
    >>> sorted(cards[:5, 0].tolist()), cards[:, [1, 2, 4, 5]].any(), cards[:, 3].max()
    ([0, 1, 2, 3, 4], np.False_, np.int32(1))
    """
    images, height, width, *_ = shape
    pad, flip = recipe.augmentation_of(PadAndCrop), recipe.augmentation_of(RandomFlip)
    cutout = recipe.augmentation_of(Cutout)
    crops = 2 * pad.padding + 1 if pad else 1
    squares = [length - (cutout.size if cutout else length) + 1 for length in (height, width)]
    ends = (crops, crops, 1 + bool(flip), *squares)
    columns = [_random(seed, epoch, 0).permutation(images)[np.arange(count) % images]]
    for number, end in enumerate(ends, start=1):
        columns.append(_random(seed, epoch, number).randint(end, size=count, dtype=np.int64))
    return np.stack(columns, axis=1).astype(np.int32)


def _random(*numbers: int) -> np.random.RandomState:
    # NumPy promises the numbers of this generator for all versions to come, of the newer ones not.
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(numbers)))


def pictures(recipe: BaseRecipe, cards: Any, images: Any) -> Any:
    """What the cards say, in operations of the backend.

    Args:
        recipe: The recipe of the cards.
        cards: int32 [n, 6], see `drawn_cards`.
        images: uint8 [images, height, width, 3].

    Returns:
        [n, height, width, 3], 0 to 255: uint8, or float32 where something is painted.
    """
    *_, (_, made) = changes(recipe, cards, images)
    return made


def changes(recipe: BaseRecipe, cards: Any, images: Any) -> Iterator[tuple[str, Any]]:
    """The pictures after each of the steps.

    Args:
        recipe: As for `pictures`.
        cards: Likewise.
        images: Likewise.

    Yields:
        The name of the step in `krr.augment`, empty for the images themselves, and the pictures after
        it, as `pictures` returns them.
    """
    backend = running_backend()
    made = ops.take(images, cards[:, 0], axis=0)
    if any(getattr(step, "fill", None) is not None for step in recipe.augmentation):
        # Bytes would round the colour; a mean is to be 0 once normalized.
        made = ops.cast(made, "float32")
    yield "", made
    for step in recipe.augmentation:
        if isinstance(step, PadAndCrop):
            made = boxes.padded_crop(backend, made, cards[:, 1:3], step.padding, step.fill)
        elif isinstance(step, RandomFlip):
            made = ops.where(cards[:, 3, None, None, None] == 1, ops.flip(made, axis=2), made)
        else:
            corner = cards[:, 4:6]
            square = ops.concatenate([corner, corner + step.size], axis=1)
            made = boxes.fill(backend, made, square, step.fill)
        yield type(step).__name__, made


def described(recipe: BaseRecipe, step: str, card: np.ndarray) -> str:
    """What a card says of a step that `changes` names, for a reader.

    >>> described(BaseRecipe(augmentation=[PadAndCrop(4)]), "PadAndCrop", np.array([7, 4, 6, 0, 0, 0]))
    '2 left'
    """
    if step == "PadAndCrop":
        padding = recipe.augmentation_of(PadAndCrop).padding
        return moved_text(padding - int(card[1]), padding - int(card[2]))
    if step == "RandomFlip":
        return "mirrored" if card[3] else ""
    return f"at row {card[4]}, column {card[5]}" if step == "Cutout" else ""


def targets(recipe: BaseRecipe, labels: Any, label_smoothing: float = 0.0) -> Any:
    """Labels as rows of probabilities, as `augment.one_hot` makes them.

    Args:
        recipe: The recipe, its `classes` known.
        labels: Integers [n].
        label_smoothing: s, from 0 to 1: the right class gets 1 - s + s / classes, all others s / classes.

    Returns:
        float32 [n, classes].
    """
    off = label_smoothing / recipe.classes
    right = ops.one_hot(labels, recipe.classes, dtype="bool")
    return ops.cast(ops.where(right, 1.0 - label_smoothing + off, off), "float32")
