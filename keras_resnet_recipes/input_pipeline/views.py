"""What the network sees of an image in an evaluation: one square, ten, or the whole image in several sizes."""

from collections.abc import Callable

import numpy as np

from keras_resnet_recipes.augment import CenterCrop, TenCrop, kernels, resize_to_scales
from keras_resnet_recipes.data.decode import OpenedImage
from keras_resnet_recipes.recipe import BaseRecipe

# Shorter sides in the original, whose networks are tested with one view of 224 pixels.
_SIDES, _SIZE = (224, 256, 384, 480, 640), 224


def shorter_sides(recipe: BaseRecipe) -> tuple[int, ...]:
    """Shorter sides in pixels of a multi-scale test; for another test size in proportion to it.

    >>> import keras_resnet_recipes as krr
    >>> shorter_sides(krr.He2015()), shorter_sides(krr.He2015(test_size=112))
    ((224, 256, 384, 480, 640), (112, 128, 192, 240, 320))
    """
    return tuple(round(side * recipe.test.size / _SIZE) for side in _SIDES)


def center_crop(recipe: BaseRecipe, size: int | None = None) -> CenterCrop:
    """The one view of an image that most recipes test with, at their size or another."""
    return CenterCrop(
        size or recipe.test.size,
        crop_ratio=recipe.test.crop_ratio,
        interpolation=recipe.test.interpolation,
    )


def views_of(recipe: BaseRecipe) -> Callable[[OpenedImage], tuple[np.ndarray, ...]]:
    """From an image to what the network sees of it, all uint8.

    One square [size, size, 3], ten of them [10, size, size, 3], or the whole image in several sizes.
    """
    crop, test = center_crop(recipe), recipe.test
    if test.views == "multi_scale":
        sides, cubic = shorter_sides(recipe), test.interpolation == "bicubic"
        return lambda image: tuple(resize_to_scales(image.rgb(), sides, cubic))
    if test.views == "ten_crop":
        ten = TenCrop(test.size, crop.shorter_edge, interpolation=test.interpolation)
        return lambda image: (ten(image.rgb()),)
    return lambda image: (kernels.packing.unpack(crop.cut(image.packed())),)


def images_at_a_time(recipe: BaseRecipe, batch: int) -> int:
    """How many images make about as many views as a batch has, at least 1."""
    if recipe.test.views == "multi_scale":
        # Their sizes differ.
        return 1
    return max(1, batch // 10) if recipe.test.views == "ten_crop" else batch
