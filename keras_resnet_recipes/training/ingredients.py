"""The first batch of a training, one ingredient after the other, for someone to look at."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnet_recipes import augment
from keras_resnet_recipes.data import ImageDataset, decode
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.keras_layers import KerasLayers
from keras_resnet_recipes.training.mixing import mix_seed
from keras_resnet_recipes.training.pictures import (
    augmentations,
    drawn_rows,
    folded,
    split_crop,
    whole_image,
)
from keras_resnet_recipes.training.pipeline import images_needed, ordered
from keras_resnet_recipes.training.stage import Stage, class_name, target_caption

_Row = dict[str, Any]


def stages(recipe: BaseRecipe, data: ImageDataset, *, seed: int) -> list[Stage]:
    """The pictures of the first batch as decoded and after each ingredient, with what was drawn.

    Only the names of what is drawn are added to what `training_batches` does: its order, its seeds, its steps.
    Images that cannot be read are left out.

    Args:
        recipe: The recipe, its `classes` known.
        data: Images.
        seed: Seed of order and augmentation.

    Returns:
        The images themselves, and a stage for each ingredient; the last is what the network is given.

    Raises:
        ValueError: If fewer images than a batch needs can be read, or a label is no class.
    """
    epoch_seed = folded(tf.constant([seed, 0], tf.int64), 0)
    steps = augmentations(recipe)
    images, labels, rows = _first(recipe, data, steps, epoch_seed)
    named = [class_name(label, data.class_names) for label in labels]
    crop, _ = split_crop(steps)
    layers = KerasLayers(recipe)
    title = "as decoded" if data.encoded else "as given"
    made = [Stage(title, images, named, crop and _boxes(crop, images, rows))]
    made += _changed(recipe, steps, images, rows)
    for name, changed in layers.changes(tf.constant(np.stack(made[-1].pictures))):
        made.append(Stage(name, changed.numpy(), [""] * len(labels)))
    if recipe.mixes:
        batch = tf.constant(np.stack(made[-1].pictures))
        targets = augment.one_hot(tf.constant(labels), recipe.classes, recipe.loss.label_smoothing)
        made.append(_mixed(recipe, batch, targets, epoch_seed, layers, data.class_names))
    return made


def _first(
    recipe: BaseRecipe, data: ImageDataset, steps: list[augment.Augmentation], seed: tf.Tensor
) -> tuple[list[np.ndarray], list[int], list[_Row]]:
    """The images of the first batch, each as often as it is there, their labels, and what is drawn for them."""
    count, copies = recipe.batch_size, recipe.repeated_augmentation
    items, _ = ordered(data, seed, copies, images_needed(data, count, copies))
    drawn = drawn_rows(steps, seed, copies, tf.zeros([], tf.int64))
    images, labels, rows = [], [], []
    for (_, item), row in tf.data.Dataset.zip((items.enumerate(), drawn)):
        try:
            image, label = data.read(item)
            image = decode(image) if data.encoded else image
        except tf.errors.OpError:
            continue
        for copy in range(copies):
            images.append(image.numpy())
            labels.append(int(label))
            rows.append(tf.nest.map_structure(lambda values, copy=copy: values[copy], row))
        if len(images) >= count:
            break
    wrong = [label for label in labels if not 0 <= label < recipe.classes]
    if wrong or len(images) < count:
        what = f"the label {wrong[0]}" if wrong else f"{len(images)} images that can be read"
        raise ValueError(
            f"`dataset` must have {count} images, and labels from 0 to {recipe.classes - 1}; {data.name} has {what}."
        )
    return images[:count], labels[:count], rows[:count]


def _boxes(
    crop: augment.Augmentation, images: list[np.ndarray], rows: list[_Row]
) -> list[list[int]]:
    return [
        crop.box(*image.shape[:2], row["0"]).numpy().tolist()
        for image, row in zip(images, rows, strict=True)
    ]


def _changed(
    recipe: BaseRecipe,
    steps: list[augment.Augmentation],
    images: list[np.ndarray],
    rows: list[_Row],
) -> Iterator[Stage]:
    """A stage for the crop and for each step that follows."""
    crop, others = split_crop(steps)
    if crop is None:
        whole = whole_image(recipe)
        pictures = [whole(tf.constant(image)) for image in images]
        captions = [""] * len(images)
    else:
        drawn = [(tf.constant(image), row["0"]) for image, row in zip(images, rows, strict=True)]
        pictures = [crop.apply(image, row) for image, row in drawn]
        captions = [crop.describe(row, *image.shape[:2]) for image, row in drawn]
    yield Stage(type(crop or whole).__name__, [p.numpy() for p in pictures], captions)
    for place, step in others:
        drawn = [row[str(place)] for row in rows]
        captions = [
            step.describe(row, *p.shape[:2]) for row, p in zip(drawn, pictures, strict=True)
        ]
        pictures = [step.apply(p, row) for row, p in zip(drawn, pictures, strict=True)]
        yield Stage(type(step).__name__, [p.numpy() for p in pictures], captions)


def _mixed(
    recipe: BaseRecipe,
    images: tf.Tensor,
    targets: tf.Tensor,
    epoch_seed: tf.Tensor,
    layers: KerasLayers,
    names: tuple[str, ...] | None,
) -> Stage:
    """The batch as it is mixed, its targets as captions."""
    if layers.mix is not None:
        name = type(layers.mix).__name__
        images, targets = layers.mixed(images, targets)
    elif isinstance(recipe.mix, augment.MixUpOrCutMix):
        seed = mix_seed(epoch_seed, 0)
        _, box, share = recipe.mix.draw(images, seed)
        kind = "CutMix" if tf.reduce_any(box > 0) else "MixUp"
        name = f"{kind}\nlambda {float(share):.2f}" if share < 1 else "not mixed"
        images, targets = recipe.mix(images, targets, seed)
    else:
        name = type(recipe.mix).__name__
        images, targets = recipe.mix(images, targets, mix_seed(epoch_seed, 0))
    smoothed = recipe.loss.label_smoothing / recipe.classes
    captions = [target_caption(target, names, smoothed) for target in targets.numpy()]
    return Stage(name, images.numpy(), captions)
