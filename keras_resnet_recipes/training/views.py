"""How often an evaluation looks at a picture, and how the scores of its views become one."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from keras_resnet_recipes import augment, testing
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.own_model import check_size

if TYPE_CHECKING:
    import tensorflow as tf

# Shorter sides in the original, whose networks are tested with one view of 224 pixels.
_SIDES, _SIZE = (224, 256, 384, 480, 640), 224


def shorter_sides(recipe: BaseRecipe) -> tuple[int, ...]:
    """Shorter sides in pixels of a multi-scale test; for another test size in proportion to it.

    >>> import keras_resnet_recipes as krr
    >>> shorter_sides(krr.He2015()), shorter_sides(krr.He2015(test_size=112))
    ((224, 256, 384, 480, 640), (112, 128, 192, 240, 320))
    """
    return tuple(round(side * recipe.test.size / _SIZE) for side in _SIDES)


def pictures(recipe: BaseRecipe) -> "Callable[[tf.Tensor], tuple[tf.Tensor, ...]]":
    """From an image, uint8 [height, width, 3], to what the network sees of it, all uint8.

    One picture [size, size, 3], ten of them [10, size, size, 3], or the whole image in several sizes.
    """
    cubic = recipe.test.interpolation == "bicubic"
    if recipe.test.views == "multi_scale":
        sides = shorter_sides(recipe)
        return lambda image: tuple(augment.resize_to_scales(image, sides, cubic))
    crop = center_crop(recipe)
    if recipe.test.views == "ten_crop":
        crop = augment.TenCrop(
            recipe.test.size, crop.shorter_edge, interpolation=recipe.test.interpolation
        )
    return lambda image: (crop(image),)


def center_crop(recipe: BaseRecipe, size: int | None = None) -> augment.CenterCrop:
    """The one view of an image that most recipes test with, at their size or another."""
    return augment.CenterCrop(
        size or recipe.test.size,
        crop_ratio=recipe.test.crop_ratio,
        interpolation=recipe.test.interpolation,
    )


def sizes(recipe: BaseRecipe) -> int:
    """How many tensors are the views of an image."""
    return len(_SIDES) if recipe.test.views == "multi_scale" else 1


def images_at_a_time(recipe: BaseRecipe, batch: int) -> int:
    """How many images make about as many views as a batch has, at least 1."""
    if recipe.test.views == "multi_scale":
        # Their sizes differ.
        return 1
    return max(1, batch // 10) if recipe.test.views == "ten_crop" else batch


def averaged(recipe: BaseRecipe, model: keras.Model, logits: bool) -> tuple[keras.Model, bool]:
    """The model of all views of an image, and whether it still gives logits.

    Ten crops and several sizes average probabilities, as `He et al.` did; what makes them of logits is
    what the recipe's loss was trained with. An image and its mirror image average what the model gives,
    as Page did.

    Args:
        recipe: With `test_views`.
        model: From one view to its scores.
        logits: Whether these are logits.
    """
    if recipe.test.views == "one":
        return model, logits
    if recipe.test.views == "mirrored":
        return testing.mirror_averaged(model), logits
    after = activation(recipe) if logits else None
    if recipe.test.views == "ten_crop":
        return testing.view_averaged(model, 10, recipe.test.size, after), False
    sides = sizes(recipe)
    return testing.multi_scale_averaged(model, sides, mirrored=True, activation=after), False


def activation(recipe: BaseRecipe) -> str:
    """What makes probabilities of the logits that the recipe's loss is trained with."""
    return recipe.loss.activation


def jit_compile(recipe: BaseRecipe) -> str | bool:
    """Whether XLA compiles the evaluation: TensorFlow need not, for every new size of an image."""
    anew = recipe.test.views == "multi_scale" and keras.backend.backend() == "tensorflow"
    return False if anew else "auto"


def check(recipe: BaseRecipe, model: keras.Model, replicas: int) -> None:
    """Raises ValueError where a model cannot look at a picture as the recipe says."""
    several = recipe.test.views == "multi_scale"
    if several and replicas > 1:
        raise ValueError(
            "`test_views` must be another than 'multi_scale' for a model on several devices: it looks at one "
            f"image after the other, each of its own size; received a model on {replicas} devices."
        )
    taken = model.input_shape[1:3]
    if several and taken != (None, None):
        raise ValueError(
            "`test_views` must be another than 'multi_scale' for a model of one input size; received a model "
            f"for {taken[0]} x {taken[1]} pixels."
        )
    if not several:
        check_size(model, "test_size", recipe.test.size)
