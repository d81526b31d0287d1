"""From the contents of a file to the augmented pictures of one image, and what is drawn for them."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_resnet_recipes import augment
from keras_resnet_recipes.data import ImageDataset, decode, decode_crop
from keras_resnet_recipes.recipe import BaseRecipe, KerasLayer

# Random numbers are drawn for so many images at a time: one by one they cost more than the flip.
BLOCK = 256

_plain = tf.autograph.experimental.do_not_convert

Copies = Callable[[tuple[tf.Tensor, Any], dict[str, Any]], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def augmentations(recipe: BaseRecipe) -> list[augment.Augmentation]:
    """The random changes of one image, in their order: the recipe's, or for whole images nothing."""
    return [
        step.sized(recipe.train_size)
        for step in recipe.augmentation
        if not isinstance(step, KerasLayer)
    ]


def whole_image(recipe: BaseRecipe) -> augment.CenterCrop:
    """What takes the place of a random crop where the recipe has none."""
    return augment.CenterCrop(
        size=recipe.train_size, crop_ratio=1.0, interpolation=recipe.test.interpolation
    )


def split_crop(
    steps: Sequence[augment.Augmentation],
) -> tuple[augment.Augmentation | None, list[tuple[int, augment.Augmentation]]]:
    """The step that crops, if there is one, and the others with their places."""
    numbered = list(enumerate(steps))
    if steps and steps[0].crops:
        return steps[0], numbered[1:]
    return None, numbered


def drawn_rows(
    steps: Sequence[augment.Augmentation], seed: tf.Tensor, copies: int, first: tf.Tensor
) -> tf.data.Dataset:
    """Endless random parameters by the places of the steps, `copies` rows an image, from image `first` on."""
    block = block_of_rows(steps, copies)
    numbers = tf.data.Dataset.range(first // BLOCK, tf.int64.max)
    rows = numbers.map(_plain(lambda number: block(seed, number))).unbatch()
    return rows.skip(first % BLOCK)


def block_of_rows(
    steps: Sequence[augment.Augmentation], copies: int
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, Any]]:
    """From an epoch's seed and a number to the random parameters of so many images."""

    def block(seed: tf.Tensor, number: tf.Tensor) -> dict[str, Any]:
        seeds = (folded(folded(seed, number), place) for place in range(len(steps)))
        drawn: dict[Any, Any] = {
            str(place): step.draw(BLOCK * copies, own)
            for place, (step, own) in enumerate(zip(steps, seeds, strict=True))
        }
        # tf.data needs something to take apart even where a recipe draws nothing.
        drawn["copy"] = tf.tile(tf.range(copies), [BLOCK])
        return tf.nest.map_structure(
            lambda rows: tf.reshape(rows, [BLOCK, copies, *rows.shape[1:]]), drawn
        )

    return block


def copies_of(
    recipe: BaseRecipe, data: ImageDataset, steps: Sequence[augment.Augmentation]
) -> Copies:
    """From ((place, item), drawn rows) to (place, uint8 pictures of all copies, their labels)."""
    size, copies, whole = recipe.train_size, recipe.repeated_augmentation, whole_image(recipe)
    crop, others = split_crop(steps)
    # Of a single copy only the crop is decoded, several share one decoded image.
    random_crop = isinstance(crop, augment.RandomResizedCrop)
    decode_part = data.encoded and copies == 1 and random_crop

    def cut(image: tf.Tensor, drawn: dict[str, Any]) -> tf.Tensor:
        if crop is None:
            return whole(image)
        if not decode_part:
            return crop.apply(image, drawn["0"])
        part = decode_crop(image, lambda height, width: crop.box(height, width, drawn["0"]))
        return crop.resize(part, drawn["0"])

    @_plain
    def pictures(
        numbered: tuple[tf.Tensor, Any], drawn: dict[str, Any]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        place, item = numbered
        image, label = data.read(item)
        if data.encoded and not decode_part:
            image = decode(image)

        def picture(row: dict[str, Any]) -> tf.Tensor:
            changed = cut(image, row)
            for place, step in others:
                changed = step.apply(changed, row[str(place)])
            return tf.ensure_shape(changed, (size, size, 3))

        if copies == 1:
            images = picture(tf.nest.map_structure(lambda rows: rows[0], drawn))[None]
        else:
            images = tf.map_fn(picture, drawn, fn_output_signature=tf.uint8)
        return place, tf.ensure_shape(images, (copies, size, size, 3)), tf.repeat(label, copies)

    return pictures


def folded(seed: tf.Tensor, number: Any) -> tf.Tensor:
    """Another stateless seed for each number."""
    return tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int64))
