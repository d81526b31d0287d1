"""How the scores of the views of an image become one."""

import keras

from keras_resnet_recipes import testing
from keras_resnet_recipes.input_pipeline.evaluation import shorter_sides
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.training.own_model import check_size


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
    sides = len(shorter_sides(recipe))
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
