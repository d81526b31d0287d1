"""The first training batch after each ingredient, for inspection."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import MixUpOrCutMix, kernels, one_hot
from keras_resnet_recipes.augment.augmentation import Row
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImages
from keras_resnet_recipes.data.decode import OpenedImage
from keras_resnet_recipes.input_pipeline.order import mixing_rng
from keras_resnet_recipes.input_pipeline.sample import Sampler
from keras_resnet_recipes.input_pipeline.training import Copies, TrainingBatches
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """The images of a batch after an ingredient.

    Args:
        name: Name of the ingredient.
        images: Images, uint8 [height, width, 3], before the crop of any size.
        captions: Augmentation parameters of each image as text; empty if there are none.
        boxes: The box (top, left, height, width) of each image that the next snapshot shows.

    Example:
        >>> Snapshot("RandomFlip", np.zeros((1, 8, 8, 3), "uint8"), ["mirrored"]).captions
        ['mirrored']
    """

    name: str
    images: Sequence[np.ndarray]
    captions: Sequence[str]
    boxes: Sequence[Sequence[int]] | None = None


def snapshots(recipe: BaseRecipe, data: ImageDataset | ImageStream, *, seed: int) -> list[Snapshot]:
    """Returns the images of the first batch as decoded and after each ingredient, with captions.

    It is the first batch of `TrainingBatches`. Unreadable images are replaced by others.

    Args:
        recipe: The recipe, with `classes` set.
        data: Images.
        seed: Seed of order and augmentation.

    Returns:
        The decoded images, and a snapshot per ingredient; the last one has the inputs of the network.

    Raises:
        ValueError: If no image is readable, or a label is outside 0..classes-1.
    """
    batches = TrainingBatches(
        recipe, data, steps=1, seed=seed, unreadable=UnreadableImages(data, "name")
    )
    shown: dict[int, tuple[OpenedImage, list[Row]]] = {}

    def keep(image: OpenedImage, copies: Copies) -> None:
        image.packed()
        shown.update({row: (image, drawn) for row, drawn in copies})

    labels = batches.read(batches.candidates(0, 0), 0, 0, keep)
    examples = [shown[row] for row in range(len(labels))]
    names = [label_caption(label, data.class_names) for label in labels]
    sampler = batches.sampler(0)
    crop = sampler.crop
    boxes = crop and [crop.box(image.height, image.width, row[0]) for image, row in examples]
    made = [Snapshot("as decoded", [image.rgb() for image, _ in examples], names, boxes)]
    made += _augmented(sampler, examples)
    images = np.stack(made[-1].images)
    for name, images in batches.layers.changes(images) if batches.layers else ():  # noqa: B020
        made.append(Snapshot(name, images, [""] * len(labels)))
    if recipe.mixes:
        smoothing = recipe.loss.label_smoothing
        targets = one_hot(labels, recipe.classes, smoothing)
        mixed, targets = batches.mixed(images.copy(), targets, 0, 0)
        captions = [
            target_caption(target, data.class_names, smoothing / recipe.classes)
            for target in targets
        ]
        made.append(Snapshot(_name_of_mix(recipe.mix, images, seed), mixed, captions))
    return made


def _augmented(
    sampler: Sampler, examples: list[tuple[OpenedImage, list[Row]]]
) -> Iterator[Snapshot]:
    """Yields a snapshot for the crop and for each augmentation after it."""
    squares = [sampler.cropped(image, row, whole=True).copy() for image, row in examples]
    captions = [
        sampler.crop.describe(row[0], image.height, image.width) if sampler.crop else ""
        for image, row in examples
    ]
    name, unpack = type(sampler.crop or sampler.whole).__name__, kernels.packing.unpack
    yield Snapshot(name, [unpack(square) for square in squares], captions)
    changed = [
        [(step, drawn, unpack(pixels)) for step, drawn, pixels in sampler.changes(square, row)]
        for square, (_, row) in zip(squares, examples, strict=True)
    ]
    for after in zip(*changed, strict=True):
        captions = [step.describe(drawn, *image.shape[:2]) for step, drawn, image in after]
        yield Snapshot(type(after[0][0]).__name__, [image for *_, image in after], captions)


def _name_of_mix(mix: Any, images: np.ndarray, seed: int) -> str:
    """Returns the kind of mixing drawn for the first batch, with its weight."""
    if isinstance(mix, KerasLayer):
        return mix.name
    if not isinstance(mix, MixUpOrCutMix):
        return type(mix).__name__
    mixture = mix.draw(mixing_rng(seed, 0, 0, 0), *images.shape[1:3])
    kind = "CutMix" if any(mixture.box) else "MixUp"
    return f"{kind}\nlambda {mixture.share:.2f}" if mixture.share < 1 else "not mixed"


def target_caption(target: np.ndarray, names: Sequence[str] | None, smallest: float = 0.0) -> str:
    """Returns the target classes of an image with their probabilities, the largest first.

    Args:
        target: Target probabilities [classes].
        names: Names of the classes.
        smallest: Probability of every class by label smoothing.

    Example:
        >>> target_caption(np.array([0.34, 0.05, 0.61]), ["ant", "bee", "cow"], 0.05).splitlines()
        ['0.61 cow', '0.34 ant']
    """
    # A mixed image has two classes, and more where images have several labels.
    first = np.argsort(-target, kind="stable")[:4]
    above = [number for number in first if target[number] > smallest + 0.005]
    return "\n".join(f"{target[number]:.2f} {class_name(number, names)}" for number in above)


def label_caption(label: Any, names: Sequence[str] | None) -> str:
    """Returns the class of a label, or the classes of a multi-hot row, as text.

    Example:
        >>> label_caption(2, None), label_caption(np.array([1, 0, 1]), ["ant", "bee", "cow"])
        ('class 2', 'ant, cow')
    """
    numbers = [label] if np.ndim(label) == 0 else np.flatnonzero(label)
    return ", ".join(class_name(number, names) for number in numbers) or "no class"


def class_name(number: int, names: Sequence[str] | None) -> str:
    """Returns the name of a class, or its number if it has none.

    Example:
        >>> class_name(1, ["ant", "bee"]), class_name(1, None)
        ('bee', 'class 1')
    """
    return f"class {number}" if names is None else names[number]
