"""From the contents of a file to the augmented pictures of one image, and what is drawn for them."""

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from keras_resnet_recipes import augment
from keras_resnet_recipes.applications.network import IMAGENET_MEAN, IMAGENET_STD
from keras_resnet_recipes.data import ImageDataset, decode, decode_crop
from keras_resnet_recipes.recipes import Recipe

# Random numbers are drawn for so many images at a time: one by one they cost more than the flip.
BLOCK = 256

_plain = tf.autograph.experimental.do_not_convert

Copies = Callable[[tuple[tf.Tensor, Any], dict[str, Any]], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]


def augmentations(recipe: Recipe) -> dict[str, augment.Augmentation]:
    """The random changes of a picture, in their order."""
    crop = _crop(recipe)
    steps: dict[str, augment.Augmentation] = {"crop": crop} if crop else {}
    if recipe.pad:
        steps["pad"] = augment.PadAndCrop(recipe.pad, fill=recipe.pad_color)
    if recipe.horizontal_flip:
        steps["flip"] = augment.RandomFlip()
    if recipe.cutout:
        steps["cutout"] = augment.Cutout(recipe.cutout, fill=recipe.cutout_color or IMAGENET_MEAN)
    if recipe.rand_augment is not None:
        magnitude, std = recipe.rand_augment
        steps["rand_augment"] = augment.RandAugment(
            magnitude=magnitude,
            std=std,
            operations=recipe.rand_augment_operations,
            probability=recipe.rand_augment_probability,
            interpolation=recipe.train_interpolation,
        )
    if recipe.trivial_augment:
        steps["trivial_augment"] = augment.TrivialAugmentWide()
    if recipe.color_jitter:
        steps["color_jitter"] = augment.ColorJitter(*recipe.color_jitter)
    if recipe.lighting is not None:
        steps["lighting"] = augment.Lighting(recipe.lighting)
    if recipe.random_erasing:
        # 0, or normal noise, of pixels that the network will have normalized.
        noise = IMAGENET_STD if recipe.random_erasing_fill == "noise" else 0.0
        steps["random_erasing"] = augment.RandomErasing(
            recipe.random_erasing, fill=IMAGENET_MEAN, noise=noise
        )
    return steps


def _crop(recipe: Recipe) -> augment.Augmentation | None:
    settings: dict[str, Any] = {
        "size": recipe.train_size,
        "interpolation": recipe.train_interpolation,
        "exact": recipe.exact_resize,
    }
    if recipe.shorter_side is not None:
        return augment.ScaleJitterCrop(shorter_edge=recipe.shorter_side, **settings)
    if recipe.crop_scale is not None:
        return augment.RandomResizedCrop(
            scale=recipe.crop_scale, aspect=recipe.crop_aspect, **settings
        )
    return None


def whole_image(recipe: Recipe) -> augment.CenterCrop:
    """What takes the place of a random crop where the recipe has none."""
    smooth = "bilinear" if recipe.train_interpolation == "bilinear" else "bicubic"
    return augment.CenterCrop(size=recipe.train_size, crop_ratio=1.0, interpolation=smooth)


def after_crop(
    steps: dict[str, augment.Augmentation], row: dict[str, Any]
) -> Iterator[tuple[str, augment.Augmentation, dict[str, tf.Tensor]]]:
    """The steps that follow the crop, in their order, with what is drawn for one picture."""
    return ((name, step, row[name]) for name, step in steps.items() if name != "crop")


def drawn_rows(
    steps: dict[str, augment.Augmentation], seed: tf.Tensor, copies: int, first: tf.Tensor
) -> tf.data.Dataset:
    """Endless random parameters by the names of the steps, `copies` rows an image, from image `first` on."""
    block = block_of_rows(steps, copies)
    numbers = tf.data.Dataset.range(first // BLOCK, tf.int64.max)
    rows = numbers.map(_plain(lambda number: block(seed, number))).unbatch()
    return rows.skip(first % BLOCK)


def block_of_rows(
    steps: dict[str, augment.Augmentation], copies: int
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, Any]]:
    """From an epoch's seed and a number to the random parameters of so many images."""

    def block(seed: tf.Tensor, number: tf.Tensor) -> dict[str, Any]:
        seeds = (folded(folded(seed, number), place) for place in range(len(steps)))
        drawn = {
            name: step.draw(BLOCK * copies, own)
            for (name, step), own in zip(steps.items(), seeds, strict=True)
        }
        # tf.data needs something to take apart even where a recipe draws nothing.
        drawn["copy"] = tf.tile(tf.range(copies), [BLOCK])
        return tf.nest.map_structure(
            lambda rows: tf.reshape(rows, [BLOCK, copies, *rows.shape[1:]]), drawn
        )

    return block


def copies_of(recipe: Recipe, data: ImageDataset, steps: dict[str, augment.Augmentation]) -> Copies:
    """From ((place, item), drawn rows) to (place, uint8 pictures of all copies, their labels)."""
    size, copies, whole = recipe.train_size, recipe.repeated_augmentation, whole_image(recipe)
    # Of a single copy only the crop is decoded, several share one decoded image.
    random_crop = isinstance(steps.get("crop"), augment.RandomResizedCrop)
    decode_part = data.encoded and copies == 1 and random_crop

    def cut(image: tf.Tensor, drawn: dict[str, Any]) -> tf.Tensor:
        crop = steps.get("crop")
        if crop is None:
            return whole(image)
        if not decode_part:
            return crop.apply(image, drawn["crop"])
        part = decode_crop(image, lambda height, width: crop.box(height, width, drawn["crop"]))
        return crop.resize(part, drawn["crop"])

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
            for _, step, drawn in after_crop(steps, row):
                changed = step.apply(changed, drawn)
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
