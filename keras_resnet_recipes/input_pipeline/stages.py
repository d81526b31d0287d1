"""The first batch of a training after each ingredient, for someone to look at."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_resnet_recipes.augment import MixUpOrCutMix, kernels, one_hot
from keras_resnet_recipes.data import ImageDataset, ImageStream, UnreadableImage
from keras_resnet_recipes.data.decode import opened
from keras_resnet_recipes.input_pipeline.order import mixing_rng
from keras_resnet_recipes.input_pipeline.sample import Sampler
from keras_resnet_recipes.input_pipeline.sources import IndexedImages, StreamedImages
from keras_resnet_recipes.input_pipeline.training import check_within, keras_layers
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """The images of a batch after an ingredient.

    Args:
        name: The ingredient.
        images: uint8 [height, width, 3] each, those before the crop of any size.
        captions: What was drawn for each image; empty where nothing was.
        boxes: Of each image, the part (top, left, height, width) that the next stage shows.

    >>> Stage("RandomFlip", np.zeros((1, 8, 8, 3), "uint8"), ["mirrored"]).captions
    ['mirrored']
    """

    name: str
    images: Sequence[np.ndarray]
    captions: Sequence[str]
    boxes: Sequence[Sequence[int]] | None = None


def stages(recipe: BaseRecipe, data: ImageDataset | ImageStream, *, seed: int) -> list[Stage]:
    """The images of the first batch as decoded and after each ingredient, with what was drawn.

    It is the first batch of `TrainingBatches`. Images that cannot be read are left out.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        seed: Seed of order and augmentation.

    Returns:
        The images themselves, and a stage per ingredient; the last is what the network is given.

    Raises:
        ValueError: If no image can be read, or a label is outside 0..classes-1.
    """
    sampler, layers = Sampler(recipe, seed), keras_layers(recipe)
    decoded, labels = _first(recipe, data, seed)
    check_within(data.name, np.array(labels), recipe.classes)
    drawn = sampler.drawn(0, 0, recipe.batch_size)
    rows = [sampler.row(drawn, position) for position in range(recipe.batch_size)]
    names = [class_name(label, data.class_names) for label in labels]
    crop = sampler.crop
    boxes = crop and [
        crop.box(image.height, image.width, row[0])
        for image, row in zip(decoded, rows, strict=True)
    ]
    made = [Stage("as decoded", [image.rgb() for image in decoded], names, boxes)]
    made += _augmented(sampler, decoded, rows)
    images = np.stack(made[-1].images)
    for name, images in layers.changes(images) if layers else ():  # noqa: B020
        made.append(Stage(name, images, [""] * len(labels)))
    if recipe.mixes:
        targets = one_hot(np.array(labels), recipe.classes, recipe.loss.label_smoothing)
        made.append(_mixed(recipe, images, targets, seed, layers, data.class_names))
    return made


def _first(
    recipe: BaseRecipe, data: ImageDataset | ImageStream, seed: int
) -> tuple[list[Any], list[int]]:
    """The images of the first batch, opened, each as often as it is there, and their labels."""
    count, copies = recipe.batch_size, recipe.repeated_augmentation
    kind = IndexedImages if isinstance(data, ImageDataset) else StreamedImages
    source = kind(data, seed, -(-count // copies))
    images, labels = [], []
    for candidates in source.candidates(0, 0, -(-count // copies)):
        for _, read in candidates:
            try:
                image, label = read()
                one = opened(image, data.max_pixels)
                one.packed()
            except UnreadableImage:
                continue
            images += [one] * copies
            labels += [label] * copies
            break
        else:
            raise ValueError(f"{data.name} holds no image that can be read.")
    return images[:count], labels[:count]


def _augmented(sampler: Sampler, images: list[Any], rows: list[Any]) -> Iterator[Stage]:
    """A stage for the crop and for each augmentation that follows."""
    pairs = list(zip(images, rows, strict=True))
    squares = [sampler.cropped(image, row, whole=True).copy() for image, row in pairs]
    captions = [
        sampler.crop.describe(row[0], image.height, image.width) if sampler.crop else ""
        for image, row in pairs
    ]
    crop = sampler.crop or sampler.whole
    yield Stage(
        type(crop).__name__, [kernels.packing.unpack(square) for square in squares], captions
    )
    changed = [
        [
            (one, drawn, kernels.packing.unpack(pixels))
            for one, drawn, pixels in sampler.changes(square, row)
        ]
        for square, row in zip(squares, rows, strict=True)
    ]
    for after in zip(*changed, strict=True):
        captions = [one.describe(drawn, *image.shape[:2]) for one, drawn, image in after]
        yield Stage(type(after[0][0]).__name__, [image for *_, image in after], captions)


def _mixed(
    recipe: BaseRecipe,
    images: np.ndarray,
    targets: np.ndarray,
    seed: int,
    layers: Any,
    names: tuple[str, ...] | None,
) -> Stage:
    """The batch as it is mixed, its targets as captions."""
    name = type(recipe.mix).__name__
    if isinstance(recipe.mix, KerasLayer):
        name = recipe.mix.name
        images, targets = layers.mixed(images, targets)
    else:
        if isinstance(recipe.mix, MixUpOrCutMix):
            mixture = recipe.mix.draw(mixing_rng(seed, 0, 0, 0), *images.shape[1:3])
            kind = "CutMix" if any(mixture.box) else "MixUp"
            name = f"{kind}\nlambda {mixture.share:.2f}" if mixture.share < 1 else "not mixed"
        images, targets = recipe.mix(images, targets, mixing_rng(seed, 0, 0, 0))
    smoothed = recipe.loss.label_smoothing / recipe.classes
    return Stage(name, images, [target_caption(target, names, smoothed) for target in targets])


def target_caption(target: np.ndarray, names: Sequence[str] | None, smallest: float = 0.0) -> str:
    """The classes that an image is to be taken for, the largest share first.

    Args:
        target: Shares of the classes [classes].
        names: Their names.
        smallest: Share that every class has by smoothing.

    >>> target_caption(np.array([0.34, 0.05, 0.61]), ["ant", "bee", "cow"], 0.05).splitlines()
    ['0.61 cow', '0.34 ant']
    """
    # An image is mixed of two.
    first = np.argsort(-target, kind="stable")[:2]
    above = [number for number in first if target[number] > smallest + 0.005]
    return "\n".join(f"{target[number]:.2f} {class_name(number, names)}" for number in above)


def class_name(number: int, names: Sequence[str] | None) -> str:
    """The name of a class, or its number where it has none.

    >>> class_name(1, ["ant", "bee"]), class_name(1, None)
    ('bee', 'class 1')
    """
    return f"class {number}" if names is None else names[number]
